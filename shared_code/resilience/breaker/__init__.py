"""Circuit breakers whose state all instances share (Nygard, "Release It!", chapter 5)."""
