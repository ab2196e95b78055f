"""podfit: source -> manifests -> workloads -> (image platforms x node pools) -> findings -> report."""

__version__ = "0.1.0"
