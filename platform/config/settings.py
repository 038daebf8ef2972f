"""Django's settings. `environment.py` reads those that a deployment may change."""

from typing import Any

import django_stubs_ext

from config import environment, reports
from devices.rules import zones
from edge_agent import release

# Here, because everything that uses Django passes these settings before it computes a local time.
zones.use_pinned_rules()

# Lets Django's own generic classes take a type argument: `ModelAdmin[Site]`.
django_stubs_ext.monkeypatch()

# Pictures are for Headcount's own user alone, as all files are that its programs make (`keep_files_private`).
FILE_UPLOAD_PERMISSIONS = 0o600
FILE_UPLOAD_DIRECTORY_PERMISSIONS = 0o700

ROOT = environment.ROOT
_env = environment.read()

VERSION = release.VERSION
DEBUG = _env["DEBUG"]
SECRET_KEY = _env["SECRET_KEY"]
DATA_DIR = _env["DATA_DIR"]
MODELS_DIR = _env["MODELS_DIR"]
ALLOWED_HOSTS = _env["ALLOWED_HOSTS"]
CSRF_TRUSTED_ORIGINS = _env["CSRF_TRUSTED_ORIGINS"]

MQTT_URL = _env["MQTT_URL"]
MQTT_CLIENT_ID = _env["MQTT_CLIENT_ID"]
MQTT_CA_FILE = _env["MQTT_CA_FILE"]
MQTT_CERT_FILE = _env["MQTT_CERT_FILE"]
MQTT_KEY_FILE = _env["MQTT_KEY_FILE"]
DEVICES_MQTT_URL = _env["DEVICES_MQTT_URL"]
DEVICES_MQTT_CA_FILE = _env["DEVICES_MQTT_CA_FILE"]
DEVICE_CREDENTIALS = _env["DEVICE_CREDENTIALS"]
HOME_ASSISTANT_PREFIX = _env["HOME_ASSISTANT_PREFIX"]

DEVICE_PICTURE_MB_PER_DAY = _env["DEVICE_PICTURE_MB_PER_DAY"]
FRAME_RETENTION_DAYS = _env["FRAME_RETENTION_DAYS"]
FACTS_IN_DATABASE_DAYS = _env["FACTS_IN_DATABASE_DAYS"]
AUDIT_RETENTION_DAYS = _env["AUDIT_RETENTION_DAYS"]
LOG_RETENTION_DAYS = _env["LOG_RETENTION_DAYS"]
RECOGNISER = _env["RECOGNISER"]
PICTURES_BUCKET = _env["PICTURES_BUCKET"]
PICTURE_EVENTS_QUEUE_URL = _env["PICTURE_EVENTS_QUEUE_URL"]
GREETING_TOPIC_ARN = _env["GREETING_TOPIC_ARN"]
REKOGNITION_MONTHLY_CALLS = _env["REKOGNITION_MONTHLY_CALLS"]
SAGEMAKER_ROLE_ARN = _env["SAGEMAKER_ROLE_ARN"]
SAGEMAKER_BUCKET = _env["SAGEMAKER_BUCKET"]
SAGEMAKER_IMAGE = _env["SAGEMAKER_IMAGE"]
METRICS_TOKEN = _env["METRICS_TOKEN"]
NOTIFY_PRIVATE_ADDRESSES = _env["NOTIFY_PRIVATE_ADDRESSES"]
NOTIFY_TOPIC_ARNS = _env["NOTIFY_TOPIC_ARNS"]
NOTIFY_CATCH = _env["NOTIFY_CATCH"]
PAGES_URL = _env["PAGES_URL"]

INSTALLED_APPS = [
    "notifications.apps.NotificationsConfig",
    "plays.apps.PlaysConfig",
    "learning.apps.LearningConfig",
    "analytics.apps.AnalyticsConfig",
    "faces.apps.FacesConfig",
    "devices.apps.DevicesConfig",
    "django_q",
    "django_filters",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "allauth",
    "allauth.account",
    "allauth.mfa",
    "allauth.socialaccount",
    "allauth.socialaccount.providers.openid_connect",
    "allauth.usersessions",
    "django.contrib.admin",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.humanize",
    "django.contrib.messages",
    "django.contrib.sessions",
    "django.contrib.staticfiles",
]

MIDDLEWARE = [
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "devices.storage.replica.read_replica",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "devices.audit.recording.know_who_acts",
    "django.contrib.messages.middleware.MessageMiddleware",
    "allauth.account.middleware.AccountMiddleware",
    "allauth.usersessions.middleware.UserSessionsMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "devices.pages.middleware.content_security_policy",
    "devices.pages.middleware.private_pages_are_stored_nowhere",
    # Before whatever reads a body: the check for NUL, and the check of the token against forged requests, which runs
    # after all of these functions.
    "devices.pages.bodies.refuse_large_bodies",
    "devices.pages.middleware.refuse_nul",
    "django.middleware.http.ConditionalGetMiddleware",
    "devices.pages.live.send_live_parts",
]

ROOT_URLCONF = "config.urls"
WSGI_APPLICATION = "config.wsgi.application"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [ROOT / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
                "devices.pages.version.version",
            ],
            "libraries": {"live": "devices.pages.live", "managing": "devices.managing.tabs"},
        },
    }
]

DATABASES = {"default": _env["DATABASE"]}
if DATABASES["default"]["ENGINE"] == "django.db.backends.sqlite3":
    DATABASES["default"]["OPTIONS"] = {
        "transaction_mode": "IMMEDIATE",
        "timeout": 30,
        # FULL: a committed transaction survives a power cut, because its messages are acknowledged right after it.
        # secure_delete: deleted data are overwritten, because an erasure promises that nothing of a person is left.
        "init_command": (
            "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON; PRAGMA secure_delete=ON;"
        ),
    }
else:
    if _env["DATABASE_REPLICA"]:
        DATABASES["replica"] = _env["DATABASE_REPLICA"]
        DATABASE_ROUTERS = ["devices.storage.replica.Router"]
    for _database in DATABASES.values():
        _database |= {"CONN_MAX_AGE": 60, "CONN_HEALTH_CHECKS": True}
        if _env["DATABASE_POOLED"]:
            # A pooler gives each transaction another connection, so none may leave a cursor behind for the next.
            _database["DISABLE_SERVER_SIDE_CURSORS"] = True

REDIS_URL = _env["REDIS_URL"]
_REDIS = {
    "BACKEND": "django_redis.cache.RedisCache",
    "LOCATION": REDIS_URL,
    "KEY_PREFIX": "headcount",
    # Without Redis, pages are slower and rates unlimited for a while, but everything works: health tells of it.
    "OPTIONS": {"IGNORE_EXCEPTIONS": True, "SOCKET_CONNECT_TIMEOUT": 1, "SOCKET_TIMEOUT": 1},
}
_IN_MEMORY = {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "OPTIONS": {"MAX_ENTRIES": 1_000}}
CACHES = {
    # What all processes must agree on.
    "default": _REDIS
    if REDIS_URL
    else {
        "BACKEND": "django.core.cache.backends.db.DatabaseCache",
        "LOCATION": "django_cache",
        "OPTIONS": {"MAX_ENTRIES": 2_000},
    },
    # How often each caller has called: of each process for itself, so that no request costs a write, or in Redis.
    "rates": _REDIS if REDIS_URL else _IN_MEMORY | {"LOCATION": "rates"},
    # What each process keeps for itself because it is asked for too often for a query: drawn pictures.
    "process": _IN_MEMORY | {"LOCATION": "process"},
}
SESSION_ENGINE = f"django.contrib.sessions.backends.{'cached_db' if REDIS_URL else 'db'}"

HEALTH_COMPARES_CLOCKS = True
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-us"
USE_I18N = False

STATIC_URL = "static/"
STATIC_ROOT = _env["BUILT_DIR"] / "static"
ASSETS_DIR = _env["BUILT_DIR"] / "assets"
STATICFILES_DIRS = [ASSETS_DIR]
# The folder does not exist until `fetch_plotly` has run.
SILENCED_SYSTEM_CHECKS = ["staticfiles.W004"]
MEDIA_ROOT = DATA_DIR / "pictures"
_PLAIN_STATIC_FILES = "django.contrib.staticfiles.storage.StaticFilesStorage"
S3_STORAGE: dict[str, Any] = {
    "BACKEND": "faces.pictures.versions.VersionedS3Storage",
    "OPTIONS": {
        "bucket_name": _env["PICTURES_BUCKET"],
        "default_acl": "private",
        "file_overwrite": False,
    },
}
STORAGES = {
    "default": S3_STORAGE if _env["PICTURES_BUCKET"] else {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {
        "BACKEND": _PLAIN_STATIC_FILES if DEBUG else "whitenoise.storage.CompressedManifestStaticFilesStorage"
    },
}
DATA_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 8 * 1024 * 1024

LOGIN_URL = "account_login"
LOGIN_REDIRECT_URL = "overview"
LOGOUT_REDIRECT_URL = "account_login"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in ("UserAttributeSimilarityValidator", "MinimumLengthValidator", "CommonPasswordValidator")
]

AUTHENTICATION_BACKENDS = ["allauth.account.auth_backends.AuthenticationBackend"]
EMAIL_BACKEND = _env["EMAIL"]["EMAIL_BACKEND"]
EMAIL_HOST = _env["EMAIL"]["EMAIL_HOST"]
EMAIL_PORT = _env["EMAIL"]["EMAIL_PORT"]
EMAIL_HOST_USER = _env["EMAIL"]["EMAIL_HOST_USER"]
EMAIL_HOST_PASSWORD = _env["EMAIL"]["EMAIL_HOST_PASSWORD"]
EMAIL_USE_TLS = _env["EMAIL"]["EMAIL_USE_TLS"]
EMAIL_USE_SSL = _env["EMAIL"]["EMAIL_USE_SSL"]
EMAIL_FILE_PATH = _env["EMAIL"]["EMAIL_FILE_PATH"]
# A server that does not answer must not hold a page up for longer than a person waits.
EMAIL_TIMEOUT = 10
DEFAULT_FROM_EMAIL = SERVER_EMAIL = _env["EMAIL_FROM"]
SENDS_EMAIL = not EMAIL_BACKEND.endswith("dummy.EmailBackend")

_HTTPS = _env["HTTPS"]

ACCOUNT_ADAPTER = "devices.managing.members.adapters.AccountAdapter"
ACCOUNT_LOGIN_METHODS = {"username", "email"}
ACCOUNT_SIGNUP_FIELDS = ["username*", "email*", "password1*", "password2*"]
ACCOUNT_EMAIL_VERIFICATION = "optional" if SENDS_EMAIL else "none"
ACCOUNT_EMAIL_SUBJECT_PREFIX = "Headcount: "
ACCOUNT_EMAIL_NOTIFICATIONS = SENDS_EMAIL
ACCOUNT_DEFAULT_HTTP_PROTOCOL = "https" if _HTTPS else "http"
# Behind a proxy that ends TLS, the proxy names the client's IP address, by which attempts are counted.
ALLAUTH_TRUSTED_PROXY_COUNT = 1 if _HTTPS else 0
USERSESSIONS_TRACK_ACTIVITY = False
MFA_ADAPTER = "devices.managing.members.adapters.SecondFactorAdapter"
MFA_SUPPORTED_TYPES = ["totp", "webauthn", "recovery_codes"]
MFA_PASSKEY_LOGIN_ENABLED = True
MFA_TOTP_ISSUER = "Headcount"
# Without mail nobody can verify an address.
MFA_ALLOW_UNVERIFIED_EMAIL = not SENDS_EMAIL
# Browsers take passkeys on a domain with TLS, or on `localhost`.
MFA_WEBAUTHN_ALLOW_INSECURE_ORIGIN = not _HTTPS
SOCIALACCOUNT_ADAPTER = "devices.managing.members.adapters.SignOnAdapter"
# The organisation's own provider is trusted to name the e-mail address of the person who signs on.
SOCIALACCOUNT_EMAIL_AUTHENTICATION = True
SOCIALACCOUNT_EMAIL_AUTHENTICATION_AUTO_CONNECT = True
SOCIALACCOUNT_PROVIDERS: dict[str, Any] = {
    "openid_connect": {
        "APPS": [
            {
                "provider_id": "sign-on",
                "name": _env["OIDC_NAME"],
                "client_id": _env["OIDC_CLIENT_ID"],
                "secret": _env["OIDC_CLIENT_SECRET"],
                "settings": {"server_url": _env["OIDC_SERVER_URL"]},
            }
        ]
        if _env["OIDC_SERVER_URL"]
        else [],
        "OAUTH_PKCE_ENABLED": True,
    }
}

SECURE_SSL_REDIRECT = _HTTPS
SESSION_COOKIE_SECURE = _HTTPS
CSRF_COOKIE_SECURE = _HTTPS
SECURE_HSTS_SECONDS = 31_536_000 if _HTTPS else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = _HTTPS
SECURE_HSTS_PRELOAD = _HTTPS
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if _HTTPS else None
X_FRAME_OPTIONS = "DENY"
SECURE_REFERRER_POLICY = "same-origin"

REST_FRAMEWORK: dict[str, Any] = {
    "DEFAULT_AUTHENTICATION_CLASSES": [
        # The first class decides the status of a refusal: a token's makes it 401, a session's would make it 403.
        "devices.rest.authentication.ApiTokenAuthentication",
        "rest_framework.authentication.SessionAuthentication",
    ],
    "DEFAULT_PERMISSION_CLASSES": ["rest_framework.permissions.IsAuthenticated"],
    "DEFAULT_RENDERER_CLASSES": [
        "rest_framework.renderers.JSONRenderer",
        "devices.rest.formats.CSVRenderer",
        "devices.rest.formats.ParquetRenderer",
        "devices.rest.formats.XLSXRenderer",
    ],
    "DEFAULT_PARSER_CLASSES": [
        "devices.rest.parsing.JSONParser",
        "rest_framework.parsers.FormParser",
        "rest_framework.parsers.MultiPartParser",
    ],
    "DEFAULT_THROTTLE_CLASSES": ["devices.rest.throttling.CallerThrottle"],
    # An open page of plots sends some 20 requests a minute. An agent that sends a day's messages in batches after an
    # outage sends some hundred.
    "DEFAULT_THROTTLE_RATES": {"user": "1200/min", "device": "1200/min", "refused": "60/min"},
    # Behind a proxy that ends TLS, the proxy names the client's IP address. Otherwise nobody may set it by a header.
    "NUM_PROXIES": 1 if _HTTPS else 0,
    "DEFAULT_FILTER_BACKENDS": ["devices.rest.parameters.FilterBackend"],
    "DEFAULT_PAGINATION_CLASS": "devices.rest.formats.CursorPages",
    "DEFAULT_SCHEMA_CLASS": "drf_spectacular.openapi.AutoSchema",
    "EXCEPTION_HANDLER": "devices.rest.base.problem_details",
    "TEST_REQUEST_DEFAULT_FORMAT": "json",
}
SPECTACULAR_SETTINGS = {
    "TITLE": "Headcount",
    "DESCRIPTION": "How many people look at your displays, by hour and site; coffees; gestures.",
    "VERSION": VERSION,
    "SERVE_INCLUDE_SCHEMA": False,
    "POSTPROCESSING_HOOKS": ["drf_spectacular.hooks.postprocess_schema_enums", "devices.rest.description.describe"],
    "ENUM_NAME_OVERRIDES": {
        "ShowsEnum": "faces.models.Shows",
        "ConsentMethodEnum": "faces.models.SIGNED_BY_PEOPLE",
        "VerdictEnum": "analytics.models.Verdict",
        "RunKindEnum": "learning.models.Kind",
        "PictureReviewEnum": "learning.models.Review",
    },
    "SERVE_PERMISSIONS": ["rest_framework.permissions.IsAuthenticated"],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
}

_TASK_TIMEOUT_S = 120
_TASK_QUEUE_LIMIT = 2
Q_CLUSTER = {
    "name": "headcount",
    **({"redis": REDIS_URL} if REDIS_URL else {"orm": "default"}),
    "workers": _env["TASK_WORKERS"],
    "timeout": _TASK_TIMEOUT_S,
    "queue_limit": _TASK_QUEUE_LIMIT,
    # The time to the retry starts when a task is fetched, so it must be longer than all tasks fetched before it take.
    "retry": _TASK_TIMEOUT_S * (1 + _TASK_QUEUE_LIMIT) + 60,
    "bulk": 1,
    "max_attempts": 1,
    "ack_failures": True,
    "poll": 0.5,
    "save_limit": 100,
    "catch_up": False,
}

LOGGING = reports.logging_settings(level=_env["LOG_LEVEL"], form=_env["LOG_FORMAT"])
if _env["SENTRY_DSN"]:
    reports.report_errors(dsn=_env["SENTRY_DSN"], release=VERSION)
if _env["OTEL_EXPORTER_OTLP_ENDPOINT"]:
    reports.trace(release=VERSION)
