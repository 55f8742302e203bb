"""Mandarin's rules: pinyin spelling, tones, tone sandhi, scoring."""
