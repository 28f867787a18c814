"""Configures Celery workers: `dagster_celery.app` imports this module by its name."""

import os

broker_url = os.environ["DAGSTER_CELERY_BROKER"]
result_backend = broker_url
task_track_started = True
# A task that waits for a busy worker must stay free for another worker.
worker_prefetch_multiplier = 1
task_acks_late = True
