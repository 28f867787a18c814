"""The graph on PostgreSQL, Redis, Celery and S3, without a container engine."""
