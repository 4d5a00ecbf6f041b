//! Who gives addresses, and of what.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;

use ipnet::IpNet;
use netyard::ipam::{first_host, last_host};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::super::failure::{Code, Failure};
use super::super::keys::{Keys, invalid, unsupported};
use super::Dns;

/// In how many ways ranges may be taken, one of each set.
const MOST_WAYS: usize = 256;

/// `RT_TABLE_MAIN` (rtnetlink(7)).
const MAIN: u32 = 254;

/// Who gives addresses.
#[derive(Debug, Clone, PartialEq)]
pub(in super::super) enum Ipam {
    /// Nobody.
    None,
    /// netyard, as host-local does.
    Own {
        /// An address is given of each set.
        sets: Vec<Vec<Range>>,
        routes: Vec<Route>,
    },
    /// Another plugin.
    Other(String),
}

/// Where addresses are taken from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in super::super) struct Range {
    pub(in super::super) subnet: IpNet,
    pub(in super::super) start: Option<IpAddr>,
    pub(in super::super) end: Option<IpAddr>,
    pub(in super::super) gateway: Option<IpAddr>,
}

/// A route of the container.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(in super::super) struct Route {
    pub(in super::super) dst: IpNet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) gw: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) mtu: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) advmss: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) priority: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) table: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(in super::super) scope: Option<u32>,
}

/// Whether a word names netyard's own leases, or none at all.
pub(super) fn is_own(kind: &str) -> bool {
    matches!(kind, "" | "host-local" | "netyard")
}

impl Ipam {
    /// Reads it, and what its file of resolvers says. `sets` are those that the runtime asks for.
    pub(super) fn read(keys: &mut Keys, mut sets: Vec<Vec<Range>>) -> Result<(Self, Dns), Failure> {
        let mut keys = keys.object("ipam")?;
        let kind: String = keys.take("type")?.unwrap_or_default();
        if !is_own(&kind) {
            return Ok((Ipam::Other(kind), Dns::default()));
        }
        if kind.is_empty() {
            keys.end()?;
            return Ok((Ipam::None, Dns::default()));
        }
        // Before the others, as host-local has it.
        sets.extend(Range::read(&mut keys)?.map(|old| vec![old]));
        let named = keys.take::<Vec<Vec<Value>>>("ranges")?.unwrap_or_default();
        sets.extend(range_sets("ipam.ranges", named)?);
        let routes = keys.list("routes", Route::read)?;
        if let Some(Route {
            table: Some(table), ..
        }) = routes.iter().find(|it| !is_main(it))
        {
            return Err(unsupported("ipam.routes.table", &(*table).into()));
        }
        let dns = match keys.take::<PathBuf>("resolvConf")? {
            Some(file) if !file.as_os_str().is_empty() => resolvers(&file)?,
            _ => Dns::default(),
        };
        // Leases are in the journal of netyard.
        keys.take::<PathBuf>("dataDir")?;
        keys.end()?;
        let ways = sets.iter().map(Vec::len).try_fold(1, usize::checked_mul);
        if ways.is_none_or(|ways| ways > MOST_WAYS) {
            let what = format!("more than {MOST_WAYS} ways to take one of each set");
            return Err(invalid("ipam.ranges", &what));
        }
        if let Some(subnet) = shared(&sets) {
            let msg = format!("unsupported field: ipam.ranges: {subnet} is in two sets");
            return Err(Failure::new(Code::UnsupportedField, msg));
        }
        match sets.is_empty() {
            true => Err(invalid("ipam", "no ranges: `ranges` or `subnet`")),
            false => Ok((Ipam::Own { sets, routes }, dns)),
        }
    }
}

/// A subnet of which two addresses would be given to each container.
fn shared(sets: &[Vec<Range>]) -> Option<IpNet> {
    let mut before = Vec::new();
    for set in sets {
        let subnets = set.iter().map(|range| range.subnet);
        if let Some(subnet) = subnets.clone().find(|subnet| before.contains(subnet)) {
            return Some(subnet);
        }
        before.extend(subnets);
    }
    None
}

/// The subnets of ranges, each once, in their order.
pub(in super::super) fn subnets_of<'r>(ranges: impl IntoIterator<Item = &'r Range>) -> Vec<IpNet> {
    let mut subnets = Vec::new();
    for range in ranges {
        if !subnets.contains(&range.subnet) {
            subnets.push(range.subnet);
        }
    }
    subnets
}

/// As resolv.conf(5) has it.
fn resolvers(file: &PathBuf) -> Result<Dns, Failure> {
    let text = std::fs::read_to_string(file).map_err(|e| {
        let what = format!("{}: {e}", file.display());
        invalid("ipam.resolvConf", &what)
    })?;
    let mut dns = Dns::default();
    for line in text.lines() {
        let mut words = line.split_whitespace().map(str::to_owned);
        match words.next().as_deref() {
            Some("nameserver") => dns.nameservers.extend(words.next()),
            Some("domain") => dns.domain = words.next().unwrap_or_default(),
            Some("search") => dns.search.extend(words),
            Some("options") => dns.options.extend(words),
            _ => {}
        }
    }
    Ok(dns)
}

pub(super) fn range_sets(at: &str, sets: Vec<Vec<Value>>) -> Result<Vec<Vec<Range>>, Failure> {
    let mut all = Vec::new();
    for (n, set) in sets.into_iter().enumerate() {
        let mut ranges = Vec::new();
        for (m, value) in set.into_iter().enumerate() {
            let at = format!("{at}[{n}][{m}]");
            let mut keys = Keys::of(&at, value)?;
            let range = Range::read(&mut keys)?;
            keys.end()?;
            ranges.push(range.ok_or_else(|| invalid(&at, "no `subnet`"))?);
        }
        if !ranges.is_empty() {
            all.push(ranges);
        }
    }
    Ok(all)
}

/// As a topology file has it.
impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_part() {
            return write!(f, "{}", self.subnet);
        }
        let (first, last) = self.ends();
        write!(f, "{first}-{last}")
    }
}

impl Range {
    fn read(keys: &mut Keys) -> Result<Option<Self>, Failure> {
        // Without one its other keys are left, and refused.
        let Some(subnet) = keys.take::<IpNet>("subnet")? else {
            return Ok(None);
        };
        let mut address = |key| -> Result<Option<IpAddr>, Failure> {
            Ok(keys.take::<Option<IpAddr>>(key)?.flatten())
        };
        let (start, end) = (address("rangeStart")?, address("rangeEnd")?);
        let gateway = address("gateway")?;
        if subnet.trunc() != subnet {
            let (length, network) = (subnet.prefix_len(), subnet.network());
            let what = format!("{subnet} is an address of the network {network}/{length}");
            return Err(keys.wrong(&what));
        }
        let range = Range {
            subnet,
            start,
            end,
            gateway,
        };
        let (first, last) = range.ends();
        if [first, last].iter().any(|ip| !subnet.contains(ip)) || first > last {
            let what = format!("{first}-{last} is no range of {subnet}");
            return Err(keys.wrong(&what));
        }
        Ok(Some(range))
    }

    /// Its first and its last address.
    fn ends(&self) -> (IpAddr, IpAddr) {
        let (first, last) = (first_host(&self.subnet), last_host(&self.subnet));
        (self.start.unwrap_or(first), self.end.unwrap_or(last))
    }

    /// Whether an address is of it. Of a whole subnet each is that it has.
    pub(in super::super) fn contains(&self, ip: IpAddr) -> bool {
        let (first, last) = self.ends();
        self.subnet.contains(&ip) && (!self.is_part() || (first..=last).contains(&ip))
    }

    /// Whether it is not all of its subnet.
    pub(in super::super) fn is_part(&self) -> bool {
        self.start.is_some() || self.end.is_some()
    }
}

/// Whether it is of the table that routes are of where nothing is said.
pub(in super::super) fn is_main(route: &Route) -> bool {
    route.table.is_none_or(|table| table == MAIN)
}

impl Route {
    fn read(keys: &mut Keys) -> Result<Self, Failure> {
        Ok(Route {
            dst: keys.need("dst")?,
            gw: keys.take("gw")?,
            mtu: keys.take("mtu")?,
            advmss: keys.take("advmss")?,
            priority: keys.take("priority")?,
            table: keys.take("table")?,
            scope: keys.take("scope")?,
        })
    }

    pub(in super::super) fn to(dst: IpNet) -> Self {
        Route {
            dst,
            gw: None,
            mtu: None,
            advmss: None,
            priority: None,
            table: None,
            scope: None,
        }
    }
}
