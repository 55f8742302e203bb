import wave
from pathlib import Path

import numpy as np

from scripts.training.corpus import FOLDERS, WARPS, voices
from shared_code.providers.speech.offline.inventory import unit_indexes
from tests.shared_code.providers.speech.offline.signals import framed_by_silence, voiced

NAMES = {
    "davin": ["ma1", "nuu3", "luue4", "ma", "rei1"],
    "chen-wang": ["cmn-jv4", "cmn-lve4", "cmn-_hm1", "cmn-hao3", "cmn-yai2"],
}


def test_both_collections_spellings_are_read_and_what_is_no_mandarin_is_left_out(tmp_path: Path) -> None:
    sound = (framed_by_silence(voiced(np.full(6000, 200.0))) * 20_000).astype("<i2").tobytes()
    for speaker, names in NAMES.items():
        folder = tmp_path / FOLDERS[speaker]
        folder.mkdir(parents=True)
        for name in names:
            # libsndfile looks into the file, not at its name: a WAV file does for an MP3
            with wave.open(str(folder / f"{name}.mp3"), "wb") as file:
                file.setnchannels(1)
                file.setsampwidth(2)
                file.setframerate(16_000)
                file.writeframes(sound)
    found = {speaker: [(clip.base, clip.tone) for clip in clips] for speaker, clips in voices(tmp_path).items()}
    assert found == {"davin": [("lve", 4), ("ma", 1), ("nv", 3)], "chen-wang": [("hao", 3), ("ju", 4), ("lve", 4)]}
    clip = voices(tmp_path)["davin"][1]
    assert clip.units == unit_indexes("ma")
    assert len(clip.mels) == len(WARPS)
    assert all(len(mel) == len(clip.level) == len(clip.pitch) for mel in clip.mels)
