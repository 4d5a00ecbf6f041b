//! Which modules the kernel would load if it were asked for what is in them. Some make
//! devices when they are loaded, on the host, whoever asked, and wherever: `dummy0`,
//! `ifb0`, `bond0` (`numdummies`, `numifbs`, `max_bonds` are at least 1 if nothing is said).

use std::collections::BTreeSet;
use std::fs;

/// What is known of this kernel's modules.
#[derive(Debug)]
pub(super) struct Modules {
    /// Loaded, or built in.
    present: BTreeSet<String>,
    /// Those that can be loaded; `None`: that cannot be seen from here, as in a container.
    on_disk: Option<BTreeSet<String>>,
    /// Whether any can be loaded.
    loads: bool,
}

impl Modules {
    pub(super) fn look() -> Self {
        // Each that is loaded has a directory, and each that is built in and has parameters.
        let present = fs::read_dir("/sys/module").into_iter().flatten().flatten();
        let present = present.filter_map(|entry| entry.file_name().into_string().ok());
        Self::of(present.collect(), |path| fs::read_to_string(path).ok())
    }

    fn of(mut present: BTreeSet<String>, text: impl Fn(&str) -> Option<String>) -> Self {
        let release = text("/proc/sys/kernel/osrelease").unwrap_or_default();
        let listed = |file| {
            let list = text(&format!("/lib/modules/{}/{file}", release.trim_end()))?;
            Some(names(&list))
        };
        present.extend(listed("modules.builtin").unwrap_or_default());
        let on_disk = listed("modules.dep");
        let is = |path, said| text(path).is_some_and(|text| text.trim_end() == said);
        // Written by an administrator who wants none (admin-guide/sysctl/kernel.rst).
        let forbidden = is("/proc/sys/kernel/modules_disabled", "1");
        let no_loader = is("/proc/sys/kernel/modprobe", "");
        let has_modules = on_disk.is_some() || text("/proc/modules").is_some();
        Modules {
            present,
            on_disk,
            loads: has_modules && !forbidden && !no_loader,
        }
    }

    /// Whether to ask for what this one has may load it.
    pub(super) fn would_load(&self, module: &str) -> bool {
        let known = self.on_disk.as_ref();
        let on_disk = known.is_none_or(|known| known.contains(module));
        self.loads && on_disk && !self.present.contains(module)
    }
}

/// The modules of a list of files (`modules.dep`(5)): each stands at the beginning of a line,
/// maybe compressed, with `-` where the kernel has `_`.
fn names(list: &str) -> BTreeSet<String> {
    let files = list.lines().filter_map(|line| line.split(':').next());
    let names = files.filter_map(|file| {
        let (name, _) = file.rsplit('/').next()?.split_once(".ko")?;
        Some(name.replace('-', "_"))
    });
    names.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether a kernel would load `dummy`, and `sch_tbf`, on a machine with these files.
    fn loads(present: &[&str], files: &[(&str, &str)]) -> [bool; 2] {
        let text = |path: &str| match path {
            "/proc/sys/kernel/osrelease" => Some("6.1\n".to_owned()),
            _ => {
                let file = files.iter().find(|(known, _)| *known == path)?;
                Some(file.1.to_owned())
            }
        };
        let present = present.iter().map(|&name| name.to_owned()).collect();
        let modules = Modules::of(present, text);
        ["dummy", "sch_tbf"].map(|module| modules.would_load(module))
    }

    const LIST: (&str, &str) = (
        "/lib/modules/6.1/modules.dep",
        "kernel/drivers/net/dummy.ko.zst:\nkernel/net/sched/sch-tbf.ko: kernel/lib/x.ko\n",
    );

    #[test]
    fn what_is_there_as_a_module_alone_would_be_loaded() {
        assert_eq!(loads(&[], &[]), [false; 2], "a kernel without modules");
        assert_eq!(loads(&[], &[LIST]), [true; 2]);
        assert_eq!(loads(&["dummy"], &[LIST]), [false, true]);
        let built_in = (
            "/lib/modules/6.1/modules.builtin",
            "kernel/net/sched/sch_tbf.ko\n",
        );
        assert_eq!(loads(&[], &[LIST, built_in]), [true, false]);
        let others = ("/lib/modules/6.1/modules.dep", "kernel/lib/x.ko:\n");
        assert_eq!(loads(&[], &[others]), [false; 2], "the kernel has neither");
        // In a container, whose files are no witness of the host's modules.
        assert_eq!(loads(&[], &[("/proc/modules", "")]), [true; 2]);
    }

    #[test]
    fn where_nothing_is_loaded_all_may_be_asked_for() {
        for forbids in ["modules_disabled", "modprobe"] {
            let path = format!("/proc/sys/kernel/{forbids}");
            let said = if forbids == "modprobe" { "\n" } else { "1\n" };
            assert_eq!(loads(&[], &[LIST, (&path, said)]), [false; 2], "{forbids}");
        }
    }
}
