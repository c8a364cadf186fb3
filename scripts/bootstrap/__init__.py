"""Set-up of a bare machine, with the standard library alone.

    cli -> venv, engine, images, buildfiles -> nox
           engine  -> apt (packages), daemon (dockerd), shared (locks between checkouts)
           images  -> standins -> rootfs

Each step says what it did in one line; what the tools print is in .tranship/setup.log.
"""
