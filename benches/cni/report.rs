//! Tables of what was measured, and what was asked for.

use crate::yard::median;
use crate::{CHAIN, KERNEL, OURS, PARALLEL, PORTS, Samples, What};

pub(crate) struct Report {
    pub(crate) samples: Samples,
    pub(crate) sizes: Vec<usize>,
}

impl Report {
    fn get(&self, what: What) -> Option<(f64, f64)> {
        self.samples.get(&what).map(|list| median(list))
    }

    fn cell(&self, what: What) -> String {
        let of = |(middle, least): (f64, f64)| format!("{middle:.1} ms ({least:.1})");
        self.get(what).map_or("-".to_owned(), of)
    }

    /// How many times as much one is as the other, by their medians.
    fn times(&self, of: What, than: What) -> Option<f64> {
        Some(self.get(of)?.0 / self.get(than)?.0)
    }

    /// ADD and DEL of both, and how many times faster netyard is.
    fn row(&self, label: usize, others: usize, ports: usize) {
        let mut row = format!("| {label} |");
        for what in ["ADD", "DEL"] {
            let [ours, chain] = [OURS, CHAIN].map(|side| (side, what, others, ports));
            let times = shown(self.times(chain, ours));
            row += &format!(" {} | {} | {times} |", self.cell(ours), self.cell(chain));
        }
        println!("{row}");
    }

    fn head(first: &str) {
        println!(
            "\n| {first} | netyard ADD | chain ADD | times faster | netyard DEL | chain DEL | times faster |"
        );
        println!("|---|---|---|---|---|---|---|");
    }

    pub(crate) fn ports(&self) {
        Report::head("ports");
        PORTS.iter().for_each(|&ports| self.row(ports, 0, ports));
    }

    pub(crate) fn others(&self) {
        Report::head("others (1 port each)");
        self.sizes.iter().for_each(|&size| self.row(size, size, 1));
    }

    pub(crate) fn parallel(&self) {
        println!("\n| {PARALLEL} at once | netyard | chain | times faster |");
        println!("|---|---|---|---|");
        for what in ["ADD at once", "DEL at once"] {
            let [ours, chain] = [OURS, CHAIN].map(|side| (side, what, 0, PARALLEL));
            let times = shown(self.times(chain, ours));
            println!(
                "| {what} | {} | {} | {times} |",
                self.cell(ours),
                self.cell(chain)
            );
        }
        println!("\n| peak memory of the largest plugin | netyard | chain |");
        println!("|---|---|---|");
        for (what, ports) in [
            ("ADD memory", 1),
            ("ADD memory", 100),
            ("DEL memory", 1),
            ("DEL memory", 100),
        ] {
            let mib = |side| match self.get((side, what, 0, ports)) {
                Some((kib, _)) => format!("{:.1} MiB", kib / 1024.0),
                None => "-".to_owned(),
            };
            let verb = what.split(' ').next().unwrap_or_default();
            println!(
                "| {verb}, ports: {ports} | {} | {} |",
                mib(OURS),
                mib(CHAIN)
            );
        }
    }

    /// What is asked, and what came of it.
    pub(crate) fn verdicts(&self) {
        let ours = |what, others, ports| (OURS, what, others, ports);
        let chain = |what, ports| (CHAIN, what, 0, ports);
        let floor = |what| (KERNEL, what, 0, 0);
        println!("\n| asked | limit | measured | |");
        println!("|---|---|---|---|");
        let add = self.times(ours("ADD", 0, 0), floor("ADD"));
        let of = format!(
            "ADD, times the kernel's cable and configuration ({}; its namespace: {})",
            self.cell(floor("ADD")),
            self.cell(floor("namespace"))
        );
        verdict(&of, 3.0, add, |is, limit| is <= limit);
        for (ports, limit) in [(1, 12.0), (100, 100.0)] {
            let times = self.times(chain("ADD", ports), ours("ADD", 0, ports));
            let of = format!("ADD, times faster than the chain, ports: {ports}");
            verdict(&of, limit, times, |is, limit| is >= limit);
        }
        let wait = self.get(floor("DEL")).map_or(0.0, |(middle, _)| middle);
        let of = format!("DEL in ms, of the kernel's {}", self.cell(floor("DEL")));
        let del = self.get(ours("DEL", 0, 1)).map(|(middle, _)| middle);
        verdict(&of, 1.5 * wait + 5.0, del, |is, limit| is <= limit);
        for ports in [0, 1, 100] {
            let times = self.times(chain("DEL", ports), ours("DEL", 0, ports));
            let of = format!("DEL, times faster than the chain, ports: {ports}");
            verdict(&of, 6.0, times, |is, limit| is >= limit);
        }
        for what in ["ADD", "DEL"] {
            let times = self.times(ours(what, 0, 100), ours(what, 0, 0));
            verdict(
                &format!("{what} with 100 ports, times none"),
                1.5,
                times,
                |is, limit| is <= limit,
            );
            for &size in &self.sizes[1..] {
                let times = self.times(ours(what, size, 1), ours(what, self.sizes[0], 1));
                let of = format!(
                    "{what} beside {size} others, times beside {}",
                    self.sizes[0]
                );
                verdict(&of, 1.5, times, |is, limit| is <= limit);
            }
        }
    }
}

fn shown(times: Option<f64>) -> String {
    times.map_or("-".to_owned(), |times| format!("{times:.1}"))
}

fn verdict(of: &str, limit: f64, is: Option<f64>, holds: fn(f64, f64) -> bool) {
    let said = match is {
        Some(is) if holds(is, limit) => "holds",
        Some(_) => "does not hold",
        None => "not measured",
    };
    let is = is.map_or("-".to_owned(), |is| format!("{is:.2}"));
    println!("| {of} | {limit:.1} | {is} | {said} |");
}
