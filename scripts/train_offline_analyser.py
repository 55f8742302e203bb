"""`python -m scripts.train_offline_analyser RECORDINGS`: train the offline analyser, measure it, write its weights.

RECORDINGS is the folder with `davin/mp3` and `chen-wang/18k-abr/syllabs` (see scripts/training/corpus.py); it is no
part of this repository. Needs `soundfile` (requirements-dev.txt). Seeds are fixed; it takes some twenty minutes of one
core. With `--evaluate-only` nothing is written, and the latency is that of the weights that are there.
"""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # before numpy: the matrices are too small for more

import argparse
from pathlib import Path

from scripts.training.acoustic import realigned, train_acoustic
from scripts.training.corpus import Clip, voices
from scripts.training.latency import latency
from scripts.training.report import VoiceFigures, markdown
from scripts.training.segment_trial import segment_trial
from scripts.training.tone_heads import spoken, train_heads
from scripts.training.tone_trial import isolated_trial, spliced_trial
from shared_code.providers.speech.offline.weights import FILE, Weights, load, save

VERSION = "2026.11-1"


def main() -> None:
    """Parse the command line and run."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("recordings", type=Path)
    parser.add_argument("--evaluate-only", action="store_true", help="write no weights")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    speakers = voices(arguments.recordings)
    figures = {name: _held_out(name, speakers, arguments.seed) for name in speakers}
    if arguments.evaluate_only:
        weights = load()
    else:
        weights = _trained(speakers, arguments.seed)
        save(weights)
        print(f"Wrote {FILE.stat().st_size:,} bytes to {FILE.name}.\n")
        weights = load()
    print(markdown(figures, latency(arguments.recordings, weights)))


def _trained(speakers: dict[str, list[Clip]], seed: int) -> Weights:
    """A model of all these voices."""
    clips = [clip for voice in speakers.values() for clip in voice]
    model = train_acoustic(clips, seed)
    heads = train_heads(
        [spoken(voice, [realigned(clip, model) for clip in voice]) for voice in speakers.values()], seed
    )
    return Weights(VERSION, model.layers, model.priors, heads)


def _held_out(name: str, speakers: dict[str, list[Clip]], seed: int) -> VoiceFigures:
    """Train on the other voices alone, from the flat start, and try this one."""
    others = {other: clips for other, clips in speakers.items() if other != name}
    model = train_acoustic([clip for clips in others.values() for clip in clips], seed)
    heads = train_heads([spoken(clips, [realigned(clip, model) for clip in clips]) for clips in others.values()], seed)
    stranger = spoken(speakers[name], [realigned(clip, model) for clip in speakers[name]])
    return VoiceFigures(
        trained_on=" + ".join(others),
        clips=len(speakers[name]),
        isolated={known: isolated_trial(stranger, heads, known=known, seed=seed) for known in (True, False)},
        spliced={known: spliced_trial(stranger, heads, known=known, seed=seed) for known in (True, False)},
        segments=segment_trial(speakers[name], model, seed),
    )


if __name__ == "__main__":
    main()
