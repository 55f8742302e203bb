"""What takes time: sagas, the activities they call, and the kit that undoes them."""

from __future__ import annotations

from orchestrations.activities import learning_progress as learning_progress_steps
from orchestrations.sagas import learning_progress

BLUEPRINTS = (learning_progress.bp, learning_progress_steps.bp)
