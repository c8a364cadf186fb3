import os


def pytest_collection_modifyitems(items):
    if os.environ.get("BY_NAME"):
        items.sort(key=lambda item: item.name)
