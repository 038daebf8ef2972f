"""How gunicorn serves Headcount in production: `gunicorn --config deploy/gunicorn.conf.py`.

Four environment variables change it: `WEB_BIND`, `WEB_WORKERS`, `WEB_THREADS` and `WEB_PROXIES`. docs/settings.md
lists them.
"""

import os
from pathlib import Path

chdir = str(Path(__file__).resolve().parent.parent)
pythonpath = "platform"
wsgi_app = "config.wsgi:application"
# Imported and warmed up once, before the workers are forked: they share its memory and are ready at once.
preload_app = True

bind = os.environ.get("WEB_BIND", "127.0.0.1:8000")
forwarded_allow_ips = os.environ.get("WEB_PROXIES", "127.0.0.1,::1")

# A page is computed in Python, so more workers than cores gain nothing. Threads wait for the database and for slow
# clients: a thread that sends a large export leaves the others of its worker free.
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", os.cpu_count() or 1))
threads = int(os.environ.get("WEB_THREADS", "8"))

# A worker that does not come back to its loop for this long is replaced. An export may take longer than that: it runs
# in a thread beside the loop.
timeout = 60
# Longer than nginx keeps its connections to here (60 s), so that none is closed as a request is sent on it.
keepalive = 75
graceful_timeout = 30

# Bounds what one request may claim before Django sees it. Django bounds the body.
limit_request_line = 8190
limit_request_fields = 100
limit_request_field_size = 16380
# Workers are replaced now and then, never all at once, so that memory which is never given back stays bounded.
max_requests = 20_000
max_requests_jitter = 4_000

# The heartbeat files of the workers must not wait for a disk.
worker_tmp_dir = "/dev/shm" if os.path.isdir("/dev/shm") else None  # noqa: S108
# Signals control it, as the supervisor sends them.
control_socket_disable = True
errorlog = "-"
accesslog = None
