module podfit.dev/oracle/runtimes

go 1.26.0

require (
	github.com/opencontainers/go-digest v1.0.0
	github.com/opencontainers/image-spec v1.1.1
	go.podman.io/image/v5 v5.42.1
	oracle.invalid/containerd17 v0.0.0
	oracle.invalid/containerd20 v1.0.0-rc.1
	oracle.invalid/containerd22 v1.0.0-rc.2
	oracle.invalid/containerd23 v1.0.0-rc.4
	oracle.invalid/containerd24 v1.0.0-rc.5
)

require (
	github.com/containerd/log v0.1.0 // indirect
	github.com/containers/libtrust v0.0.0-20230121012942-c1716e8a8d01 // indirect
	github.com/containers/ocicrypt v1.3.2 // indirect
	github.com/moby/moby/client v0.6.2 // indirect
	github.com/sirupsen/logrus v1.10.2 // indirect
	go.podman.io/storage v1.65.1 // indirect
	golang.org/x/sys v0.49.0 // indirect
)

replace (
	oracle.invalid/containerd17 => ../../../.tools/oracle/containerd17
	oracle.invalid/containerd20 => github.com/containerd/platforms v1.0.0-rc.1
	oracle.invalid/containerd22 => github.com/containerd/platforms v1.0.0-rc.2
	oracle.invalid/containerd23 => github.com/containerd/platforms v1.0.0-rc.4
	oracle.invalid/containerd24 => github.com/containerd/platforms v1.0.0-rc.5
)
