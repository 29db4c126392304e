/** containerd's configuration on a board of the lab. */

export interface ContainerdFacts {
  cniBinDir: string
  /** CAP_SYS_RESOURCE: without it nobody may lower an oom_score_adj, and runc fails when told to. */
  mayLowerOomScore: boolean
}

export const containerdSocket = '/run/containerd/containerd.sock'
/** The name that `images/pause.ts` gives it. */
export const pauseImage = 'flotilla.dev/pause:1'
export const containerdConfigDir = '/etc/containerd'

/** Version 2 of the format: containerd 1.6 and 1.7 speak it, 2.x converts it. */
export function renderContainerdConfig(facts: ContainerdFacts): string {
  const cri = 'plugins."io.containerd.grpc.v1.cri"'
  return `version = 2
root = "/var/lib/containerd"
state = "/run/containerd"

[grpc]
  address = "${containerdSocket}"

# Its default is /opt/containerd, which the boards share with the machine.
[plugins."io.containerd.internal.v1.opt"]
  path = "/var/lib/containerd/opt"

[${cri}]
  sandbox_image = "${pauseImage}"
  restrict_oom_score_adj = ${!facts.mayLowerOomScore}
  # The machine's profiles are not the boards' to load.
  disable_apparmor = true

[${cri}.cni]
  bin_dir = "${facts.cniBinDir}"
  conf_dir = "/etc/cni/net.d"

[${cri}.registry]
  config_path = "${containerdConfigDir}/certs.d"

[${cri}.containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"

[${cri}.containerd.runtimes.runc.options]
  SystemdCgroup = false
`
}

/** `certs.d/_default/hosts.toml`: where to look first for images of any registry. */
export function renderMirrorHosts(mirror: string): string {
  return `[host."${mirror}"]
  capabilities = ["pull", "resolve"]
`
}
