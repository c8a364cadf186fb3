"""Start the service: `python -m data_service`."""

from athena.app import serve

from .app import Settings, create

if __name__ == "__main__":
    serve(Settings, create)
