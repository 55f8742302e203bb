"""Azure Speech's pronunciation assessment for zh-CN, through Microsoft's SDK."""
