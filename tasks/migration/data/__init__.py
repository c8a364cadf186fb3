"""The data of a stack: found, described, copied, kept and put back.

What others build on, and where it stands:

    site.site_of(project, mode, side) -> Site          one side, whose stores can be reached
    site.opened(site, stores, tell)                    while it lasts, those stores run
    stores.stores(project, names) -> tuple[Store]      what keeps data in the stack
    drivers.manifest(site, store) -> Manifest          what a store holds: counts and digests
    manifest.differences(before, after) -> tuple[str]  one sentence each; empty means equal
    freezing.frozen(site, stores, tell)                while it lasts, writes are refused
    freezing.thaw(settings)                            undoes what a killed process left frozen
    copying.copy(source, target, stores, ...)          -> CopyReport
    snapshots.snapshot(site, stores, name) -> Snapshot
    snapshots.restore(snapshot, site, replace=...)
"""
