//! What a container is called, by the control group that its processes are in.

use serde::Serialize;

/// A container, as far as its control group tells (cgroups(7)).
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Container {
    /// Who runs it: `docker`, `podman`, `kubernetes`, ...
    pub engine: String,
    /// Its number or name there.
    pub id: String,
}

/// How much of a number is shown, as engines do.
const SHORT: usize = 12;

impl Container {
    /// What it is called: the start of a number, or all of a name.
    pub fn short(&self) -> &str {
        match is_number(&self.id) {
            true => &self.id[..SHORT],
            false => &self.id,
        }
    }

    /// Whether somebody who writes this means it.
    pub fn is_meant(&self, text: &str) -> bool {
        let number = is_number(&self.id) && text.len() >= 4 && self.id.starts_with(text);
        number || self.id == text
    }

    /// By the path of a process's control group: the innermost part that an engine made.
    ///
    /// ```text
    /// /system.slice/docker-0123...scope             docker, systemd's driver
    /// /docker/0123...                               docker, its own driver
    /// /machine.slice/libpod-0123...scope/container  podman
    /// /kubepods.slice/.../cri-containerd-0123...scope
    /// /lxc.payload.web                              lxc
    /// ```
    pub fn of(cgroup: &str) -> Option<Self> {
        let parts: Vec<&str> = cgroup.split('/').collect();
        let found = parts.iter().enumerate().rev().find_map(|(at, part)| {
            let above = parts[..at].last().copied().unwrap_or_default();
            part_of(part, above)
        });
        let (engine, id) = found?;
        let kubernetes = parts.iter().any(|part| part.starts_with("kubepods"));
        let engine = if kubernetes { "kubernetes" } else { engine };
        Some(Container {
            engine: engine.to_owned(),
            id: id.to_owned(),
        })
    }
}

/// Prefixes of the units that engines make for a container.
const UNITS: [(&str, &str); 5] = [
    ("docker-", "docker"),
    ("libpod-", "podman"),
    ("cri-containerd-", "containerd"),
    ("crio-", "cri-o"),
    ("nerdctl-", "containerd"),
];

fn part_of<'a>(part: &'a str, above: &'a str) -> Option<(&'static str, &'a str)> {
    let unit = part.strip_suffix(".scope").unwrap_or(part);
    for (prefix, engine) in UNITS {
        if let Some(id) = unit.strip_prefix(prefix).filter(|id| is_number(id)) {
            return Some((engine, id));
        }
    }
    for prefix in ["lxc.payload.", "lxc.payload/"] {
        if let Some(name) = part.strip_prefix(prefix) {
            return Some(("lxc", name));
        }
    }
    if let Some(name) = unit.strip_prefix("machine-") {
        return Some(("machined", name));
    }
    let engine = match above {
        "docker" | "actions_job" => "docker",
        "libpod_parent" => "podman",
        "lxc" => return Some(("lxc", part)).filter(|_| !part.is_empty()),
        _ if is_number(part) => "container",
        _ => return None,
    };
    let id = part.strip_prefix("libpod-").unwrap_or(part);
    is_number(id).then_some((engine, id))
}

/// Whether it is 64 hexadecimal digits, as the engines number containers.
fn is_number(id: &str) -> bool {
    id.len() == 64 && id.bytes().all(|byte| byte.is_ascii_hexdigit())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn containers_by_their_control_groups() {
        let id = "0123456789ab".repeat(6)[..64].to_owned();
        let known = [
            (format!("/system.slice/docker-{id}.scope"), "docker"),
            (format!("/docker/{id}"), "docker"),
            (
                format!("/machine.slice/libpod-{id}.scope/container"),
                "podman",
            ),
            (
                format!(
                    "/user.slice/user-1000.slice/user@1000.service/user.slice/libpod-{id}.scope"
                ),
                "podman",
            ),
            (format!("/libpod_parent/libpod-{id}"), "podman"),
            (
                format!("/kubepods.slice/kubepods-burstable.slice/cri-containerd-{id}.scope"),
                "kubernetes",
            ),
            (format!("/kubepods/besteffort/pod1234/{id}"), "kubernetes"),
            (format!("/default/{id}"), "container"),
        ];
        for (path, engine) in known {
            let container = Container::of(&path).unwrap_or_else(|| panic!("{path}"));
            assert_eq!(
                (container.engine.as_str(), &container.id),
                (engine, &id),
                "{path}"
            );
            assert_eq!(container.short(), "0123456789ab");
        }
        assert_eq!(
            Container::of("/lxc.payload.web/init.scope")
                .unwrap()
                .short(),
            "web"
        );
        assert_eq!(Container::of("/lxc/web").unwrap().short(), "web");
        for path in [
            "/",
            "",
            "/user.slice/session-1.scope",
            "/system.slice/docker.service",
        ] {
            assert_eq!(Container::of(path), None, "{path}");
        }
    }
}
