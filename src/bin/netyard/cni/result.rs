//! Results, in the shape of the version that is asked for (CNI 1.1.0, section 5).

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::config::{Config, Dns, Route};
use super::failure::{Code, Failure};
use super::keys::take;
use super::lax::{Others, read};
use super::version::Version;

/// What an attachment has.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
pub(super) struct Attached {
    #[serde(default)]
    pub(super) interfaces: Vec<Interface>,
    #[serde(default)]
    pub(super) ips: Vec<Ip>,
    #[serde(default)]
    pub(super) routes: Vec<Route>,
    #[serde(default)]
    pub(super) dns: Dns,
}

/// A device, in the container or on the host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Interface {
    pub(super) name: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) mac: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) mtu: Option<u32>,
    /// The namespace of the container; empty on the host.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) sandbox: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) socket_path: Option<String>,
    #[serde(default, rename = "pciID", skip_serializing_if = "Option::is_none")]
    pub(super) pci_id: Option<String>,
}

/// An address of a device.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Ip {
    pub(super) address: IpNet,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) gateway: Option<IpAddr>,
    /// By its place in the list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) interface: Option<usize>,
}

impl Config {
    /// What plugins before this one said.
    pub(super) fn before(&self) -> Result<Option<Attached>, Failure> {
        let prev = self.prev.as_ref();
        prev.map(|prev| Attached::read(prev, "`prevResult`"))
            .transpose()
    }
}

impl Attached {
    /// Reads a result of any version; `what` it is called where it is none.
    pub(super) fn read(value: &Value, what: &str) -> Result<Self, Failure> {
        read(value, Others::Ignored).map_err(|e| {
            let msg = format!("{what} is no result");
            Failure::new(Code::Decode, msg).details(e.to_string())
        })
    }

    /// What came before, with all that it says, and this behind it.
    pub(super) fn behind(mut self, before: &Value, version: Version) -> Value {
        let mut all = before.as_object().cloned().unwrap_or_default();
        let mut lists = ["interfaces", "ips", "routes"].map(|key| {
            let list = take(&mut all, key)
                .as_ref()
                .and_then(Value::as_array)
                .cloned();
            (key, list.unwrap_or_default())
        });
        let shift = lists[0].1.len();
        for at in self.ips.iter_mut().filter_map(|ip| ip.interface.as_mut()) {
            *at += shift;
        }
        let mut own = self.as_json(version);
        for (key, list) in &mut lists {
            let own = own[*key].as_array_mut().into_iter().flatten();
            list.extend(own.map(Value::take));
        }
        let dns = take(&mut all, "dns").filter(|dns| self.dns.is_empty() && !dns.is_null());
        let dns = dns.unwrap_or_else(|| own["dns"].take());
        take(&mut all, "cniVersion");
        all.insert("cniVersion".to_owned(), json!(version.as_str()));
        all.insert("dns".to_owned(), dns);
        all.extend(lists.map(|(key, list)| (key.to_owned(), json!(list))));
        Value::Object(all)
    }

    /// As JSON of a version: those before 1.0.0 have the family of each address, those before
    /// 1.1.0 know less of devices and routes.
    pub(super) fn as_json(&self, version: Version) -> Value {
        let interfaces = self.interfaces.iter().map(|interface| match version {
            Version::V1_1_0 => interface.clone(),
            _ => Interface {
                mtu: None,
                socket_path: None,
                pci_id: None,
                ..interface.clone()
            },
        });
        let routes = self.routes.iter().map(|route| match version {
            Version::V1_1_0 => route.clone(),
            _ => Route {
                mtu: None,
                advmss: None,
                priority: None,
                table: None,
                scope: None,
                ..route.clone()
            },
        });
        let ips = self.ips.iter().map(|ip| {
            let mut value = json!(ip);
            if version < Version::V1_0_0 {
                let family = if ip.address.addr().is_ipv4() {
                    "4"
                } else {
                    "6"
                };
                value["version"] = json!(family);
            }
            value
        });
        json!({
            "cniVersion": version.as_str(),
            "interfaces": interfaces.collect::<Vec<_>>(),
            "ips": ips.collect::<Vec<_>>(),
            "routes": routes.collect::<Vec<_>>(),
            "dns": self.dns,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn attached() -> Attached {
        let value = json!({
            "cniVersion": "1.1.0",
            "interfaces": [
                {"name": "cni0", "mac": "02:00:00:00:00:01", "mtu": 1500},
                {"name": "eth0", "sandbox": "/run/netns/web", "socketPath": "/s", "pciID": "0:1"}
            ],
            "ips": [
                {"address": "10.0.0.2/24", "gateway": "10.0.0.1", "interface": 1},
                {"address": "fd00::2/64", "interface": 1}
            ],
            "routes": [{"dst": "0.0.0.0/0", "gw": "10.0.0.1", "mtu": 1400, "table": 7}],
            "dns": {"nameservers": ["10.0.0.1"]}
        });
        Attached::read(&value, "it").expect("a result")
    }

    #[test]
    fn the_newest_shape_has_all() {
        let json = attached().as_json(Version::V1_1_0);
        assert_eq!(Attached::read(&json, "it").expect("a result"), attached());
        assert_eq!(json["interfaces"][0]["mtu"], 1500);
        assert_eq!(json["interfaces"][1]["socketPath"], "/s");
        assert_eq!(json["ips"][0].get("version"), None);
    }

    #[test]
    fn older_shapes_know_less_and_have_families() {
        for version in [
            Version::V0_3_0,
            Version::V0_3_1,
            Version::V0_4_0,
            Version::V1_0_0,
        ] {
            let json = attached().as_json(version);
            assert_eq!(json["cniVersion"], version.as_str());
            assert_eq!(json["interfaces"][0].get("mtu"), None);
            assert_eq!(json["interfaces"][1].get("pciID"), None);
            assert_eq!(json["routes"][0].get("table"), None);
            let families = [json["ips"][0].get("version"), json["ips"][1].get("version")];
            match version < Version::V1_0_0 {
                true => assert_eq!(families, [Some(&json!("4")), Some(&json!("6"))]),
                false => assert_eq!(families, [None, None]),
            }
        }
    }

    #[test]
    fn what_came_before_is_kept_and_counted() {
        let before = attached().as_json(Version::V1_1_0);
        let both = attached().behind(&before, Version::V1_1_0);
        let both = Attached::read(&both, "it").expect("a result");
        assert_eq!(both.interfaces.len(), 4);
        let on: Vec<Option<usize>> = both.ips.iter().map(|ip| ip.interface).collect();
        assert_eq!(on, [Some(1), Some(1), Some(3), Some(3)]);
    }

    /// Whatever another plugin says more is for those who come after.
    #[test]
    fn what_came_before_is_passed_on_as_it_came() {
        let before = json!({
            "cniVersion": "1.0.0", "example.org/told": {"Name": "x"}, "IPs": null,
            "interfaces": [{"name": "lo", "vendor": 7}],
            "routes": [{"dst": "192.0.2.0/24", "metric": 9, "gw": ""}],
            "dns": {"nameservers": ["192.0.2.53"], "more": true},
        });
        let read = Attached::read(&before, "it").expect("a result");
        assert_eq!((read.interfaces.len(), read.routes[0].gw), (1, None));
        let own = Attached {
            dns: Dns::default(),
            ..attached()
        };
        let all = own.behind(&before, Version::V1_0_0);
        for part in ["example.org/told", "dns"] {
            assert_eq!(all[part], before[part]);
        }
        assert_eq!(all["interfaces"][0], before["interfaces"][0]);
        assert_eq!(all["routes"][0], before["routes"][0]);
        assert_eq!(all["ips"][0]["interface"], 2);
        assert_eq!(all.get("IPs"), None);
    }
}
