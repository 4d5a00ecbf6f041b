//! What this machine can and cannot do for container networks. `sys::doctor` looks, and
//! tries what can only be known by trying; here the facts are judged: pure functions from
//! facts to findings.

mod config;
mod kernel;
mod limits;
mod managers;
mod others;
mod rights;
mod settings;
#[cfg(test)]
mod tests;

use std::fmt;

use serde::Serialize;

use crate::state::machine::Facts;
use crate::sys;

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Group {
    /// What the kernel can do.
    Kernel,
    /// What this process, and an ordinary user, may do.
    Rights,
    /// How much there is of something.
    Limits,
    /// Settings of the kernel.
    Settings,
    /// Firewalls and programs of others.
    Others,
}

impl Group {
    /// Every group, in the order in which they are told.
    pub const ALL: [Group; 5] = [
        Group::Kernel,
        Group::Rights,
        Group::Limits,
        Group::Settings,
        Group::Others,
    ];
}

impl fmt::Display for Group {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Group::Kernel => "kernel",
            Group::Rights => "rights",
            Group::Limits => "limits",
            Group::Settings => "settings",
            Group::Others => "others",
        })
    }
}

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// It was not tried: that would have changed something, and netyard does not need it.
    Untried,
    /// Good to know; netyard does not need it.
    Note,
    /// Something of netyard does not work, or will be disturbed.
    Warning,
    /// What netyard needs does not work.
    Error,
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Level::Ok => "ok",
            Level::Untried => "untried",
            Level::Note => "note",
            Level::Warning => "warning",
            Level::Error => "error",
        })
    }
}

/// One thing that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// A word for it that stays the same. There may be several findings of one, as one for
    /// each firewall.
    pub id: &'static str,
    /// What it is about.
    pub group: Group,
    /// How bad it is.
    pub level: Level,
    /// What was found.
    pub what: String,
    /// What follows from it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub consequence: Option<String>,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
}

/// What follows, and what to do about it.
type Advice<'a> = (&'a str, &'a str);

impl Group {
    fn ok(self, id: &'static str, what: impl Into<String>) -> Finding {
        Finding {
            id,
            group: self,
            level: Level::Ok,
            what: what.into(),
            consequence: None,
            remedy: None,
        }
    }

    fn finding(
        self,
        level: Level,
        id: &'static str,
        what: impl Into<String>,
        (consequence, remedy): Advice<'_>,
    ) -> Finding {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Finding {
            level,
            consequence: text(consequence),
            remedy: text(remedy),
            ..self.ok(id, what)
        }
    }
}

/// Looks at this machine, and tries in network namespaces that are thrown away what its
/// kernel can do. The kernel may load modules for that, those that a lab needs; what is in
/// others is tried only where they are loaded. Nothing else is changed. What an
/// ordinary user may do is tried by a copy of this process (fork(2)), and only where that
/// has a single thread.
pub fn examine() -> Vec<Finding> {
    judge(&sys::doctor::look())
}

fn judge(facts: &Facts) -> Vec<Finding> {
    let rights = &facts.rights;
    let told = !rights.administrator && matches!(rights.private, Some(Err(_)));
    let mut all = kernel::judge(&facts.kernel, told);
    all.extend(rights::judge(rights));
    all.extend(limits::judge(&facts.limits));
    all.extend(settings::judge(&facts.settings));
    all.extend(others::judge(&facts.others));
    all
}
