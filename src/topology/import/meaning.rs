//! Why a key of a containerlab file has no meaning for a namespace.

pub(super) const UNKNOWN: &str = "has no meaning here";

pub(super) const MANAGEMENT: &str =
    "there is no management network: `netyard exec NODE` enters a namespace from this host";

/// Why a key of a node is left out.
pub(super) fn of(key: &str) -> &'static str {
    match key {
        "image" | "image-pull-policy" | "type" | "license" | "runtime" | "sandbox" | "kernel"
        | "components" => "a namespace has no image: programs in it are this host's",
        "cmd" | "entrypoint" | "user" | "env" | "env-files" | "startup-delay" | "wait-for"
        | "stages" | "healthcheck" | "restart-policy" | "auto-remove" => {
            "no image says what a namespace runs: `run:` of it does, or `netyard exec NODE -- PROGRAM`"
        }
        "binds" | "devices" | "shm-size" | "cap-add" => {
            "a namespace sees this host's files and devices"
        }
        "startup-config"
        | "enforce-startup-config"
        | "suppress-startup-config"
        | "config"
        | "extras"
        | "SANs"
        | "certificate" => "there is no router's program to be configured",
        "mgmt-ipv4" | "mgmt-ipv6" | "mgmt_ipv4" | "mgmt_ipv6" => MANAGEMENT,
        "cpu" | "cpu-set" | "memory" => "a namespace limits no processor and no memory",
        "labels" | "position" | "group" => "names nothing in a network",
        "dns" | "aliases" => "namespaces of a lab know each other by name in `netyard exec`",
        _ => UNKNOWN,
    }
}
