import struct

import numpy as np
import pytest

from shared_code.providers.speech.offline.rejections import RecordingRejected
from shared_code.providers.speech.offline.wav import decode
from tests.shared_code.providers.speech.offline.signals import riff, seconds, wav

SOUND = 0.5 * np.sin(2 * np.pi * 440 * seconds(0.5))
PCM = struct.pack("<HHIIHH", 1, 1, 16_000, 32_000, 2, 16)


def test_samples_and_rate_come_out_as_they_went_in() -> None:
    recording = decode(wav(SOUND, 22_050))
    assert recording.rate == 22_050
    assert np.allclose(recording.samples, SOUND, atol=1e-4)


@pytest.mark.parametrize("length", [0, 0x7FFFFFFF, 0xFFFFFFFF, 2 * 1_073_739_776, 2 * len(SOUND) + 2])
def test_the_bytes_that_are_there_count_not_the_header(length: int) -> None:
    """Streamed files go out before their length is known."""
    assert len(decode(wav(SOUND, length=length)).samples) == len(SOUND)


def test_what_follows_the_samples_is_no_sound() -> None:
    assert len(decode(wav(SOUND, trailer=b"LIST" + struct.pack("<I", 4) + b"INFO")).samples) == len(SOUND)


def test_chunks_before_the_samples_are_passed_over() -> None:
    data = wav(SOUND)
    with_note = data[:12] + b"note" + struct.pack("<I", 3) + b"abc\0" + data[12:]
    assert len(decode(with_note).samples) == len(SOUND)


def test_the_extensible_format_is_read() -> None:
    guid = struct.pack("<H", 1) + bytes.fromhex("000000001000800000aa00389b71")
    form = struct.pack("<HHIIHHHHI", 0xFFFE, 1, 16_000, 32_000, 2, 16, 22, 16, 4) + guid
    assert len(decode(riff(form, bytes(2000))).samples) == 1000


def test_half_a_sample_at_the_end_is_dropped() -> None:
    assert len(decode(riff(PCM, bytes(2001))).samples) == 1000


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"RIFF",
        b"not a recording at all",
        wav(SOUND)[:30],
        wav(SOUND)[:40],
        b"RIFF\0\0\0\0WAVE" + b"data" + struct.pack("<I", 4) + bytes(4),
        riff(b"\x01\x00", bytes(100)),
    ],
    ids=["empty", "four bytes", "text", "cut in the format", "cut before the samples", "no format", "short format"],
)
def test_a_corrupt_file_is_named_as_one(data: bytes) -> None:
    with pytest.raises(RecordingRejected) as refused:
        decode(data)
    assert (refused.value.status, refused.value.code) == (422, "audio-corrupt")


@pytest.mark.parametrize(
    "data",
    [
        riff(struct.pack("<HHIIHH", 1, 2, 16_000, 64_000, 4, 16), bytes(400)),
        riff(struct.pack("<HHIIHH", 1, 1, 16_000, 16_000, 1, 8), bytes(400)),
        riff(struct.pack("<HHIIHH", 3, 1, 16_000, 64_000, 4, 32), bytes(400)),
        riff(struct.pack("<HHIIHH", 1, 1, 96_000, 192_000, 2, 16), bytes(400)),
        riff(struct.pack("<HHIIHH", 1, 1, 4_000, 8_000, 2, 16), bytes(400)),
        b"ID3\x04" + bytes(400),
        b"OggS" + bytes(400),
        b"\x1aE\xdf\xa3" + bytes(400),
    ],
    ids=["stereo", "8 bit", "float", "96 kHz", "4 kHz", "MP3", "Ogg", "WebM"],
)
def test_another_format_is_not_taken(data: bytes) -> None:
    with pytest.raises(RecordingRejected) as refused:
        decode(data)
    assert (refused.value.status, refused.value.code) == (415, "audio-corrupt")


def test_a_file_without_samples_is_too_short() -> None:
    with pytest.raises(RecordingRejected) as refused:
        decode(riff(PCM, b""))
    assert (refused.value.status, refused.value.code) == (422, "audio-too-short")


def test_more_than_a_minute_is_too_large() -> None:
    assert len(decode(riff(PCM, bytes(60 * 32_000))).samples) == 60 * 16_000
    with pytest.raises(RecordingRejected) as refused:
        decode(riff(PCM, bytes(60 * 32_000 + 2)))
    assert (refused.value.status, refused.value.code) == (413, "audio-too-long")
