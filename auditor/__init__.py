"""podfit: source -> manifests -> workloads -> (platforms x node pools) -> findings -> report."""

__version__ = "0.1.0"
