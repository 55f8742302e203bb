"""All of them."""

from __future__ import annotations

from dataclasses import dataclass

from shared_code.gateway.inprocess import InProcessService
from shared_code.learning_services.assessment import assessment_service
from shared_code.learning_services.content import content_service
from shared_code.learning_services.effectiveness import effectiveness_service
from shared_code.learning_services.experiments import experiments_service
from shared_code.learning_services.interaction import interaction_service
from shared_code.learning_services.learning import learning_service
from shared_code.learning_services.planning import planning_service
from shared_code.learning_services.progress import progress_service
from shared_code.services.assessment import AssessmentService
from shared_code.services.content.service import ContentService
from shared_code.services.effectiveness import EffectivenessService
from shared_code.services.experiments import ExperimentsService
from shared_code.services.learning import LearningService
from shared_code.services.past_sessions import PastSessions
from shared_code.services.planning import PlanningService
from shared_code.services.progress import ProgressService


@dataclass(frozen=True, kw_only=True)
class LearningServices:
    """The use cases behind the eight services."""

    learning: LearningService
    content: ContentService
    assessment: AssessmentService
    progress: ProgressService
    planning: PlanningService
    interaction: PastSessions
    effectiveness: EffectivenessService
    experiments: ExperimentsService

    def in_process(self) -> tuple[InProcessService, ...]:
        """One service a name."""
        return (
            learning_service(self.learning),
            content_service(self.content),
            assessment_service(self.assessment),
            progress_service(self.progress),
            planning_service(self.planning),
            interaction_service(self.interaction),
            effectiveness_service(self.effectiveness),
            experiments_service(self.experiments),
        )
