//! The routes that are known, by where they lead: a router may have a million.

use std::collections::BTreeMap;

use ipnet::IpNet;

use crate::state::survey::Path;

/// Where to, in which table, how preferred: the kernel takes routes for the same by that.
type Way = (IpNet, u32, Option<u32>);

/// Those of a namespace. There is seldom more than one of a way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Routes(BTreeMap<Way, Vec<Path>>);

fn way(path: &Path) -> Way {
    (path.to, path.table, path.metric)
}

impl Routes {
    /// Those that the kernel takes for the same as this one.
    pub(super) fn same_way(&self, path: &Path) -> &[Path] {
        self.0.get(&way(path)).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn contains(&self, path: &Path) -> bool {
        self.same_way(path).contains(path)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Path> {
        self.0.values().flatten()
    }

    pub(super) fn add(&mut self, path: Path) {
        self.0.entry(way(&path)).or_default().push(path);
    }

    pub(super) fn remove(&mut self, path: &Path) -> Option<Path> {
        let same = self.0.get_mut(&way(path))?;
        let at = same.iter().position(|one| one == path)?;
        let removed = same.remove(at);
        if same.is_empty() {
            self.0.remove(&way(path));
        }
        Some(removed)
    }

    /// Puts another in the place of the first of its way, and gives that.
    pub(super) fn replace(&mut self, path: Path) -> Option<Path> {
        let first = self.0.get_mut(&way(&path))?.first_mut()?;
        Some(std::mem::replace(first, path))
    }

    /// Devices have other names. One that was told of by both is one.
    pub(super) fn rename(&mut self, names: &BTreeMap<String, String>) {
        if names.is_empty() {
            return;
        }
        for same in self.0.values_mut() {
            let hops = same.iter_mut().flat_map(|path| &mut path.hops);
            for name in hops.filter_map(|hop| hop.dev.as_mut()) {
                if let Some(new) = names.get(name) {
                    name.clone_from(new);
                }
            }
            let mut once: Vec<Path> = Vec::new();
            for path in same.drain(..) {
                if !once.contains(&path) {
                    once.push(path);
                }
            }
            *same = once;
        }
    }
}

impl FromIterator<Path> for Routes {
    fn from_iter<T: IntoIterator<Item = Path>>(paths: T) -> Self {
        let mut routes = Routes::default();
        paths.into_iter().for_each(|path| routes.add(path));
        routes
    }
}
