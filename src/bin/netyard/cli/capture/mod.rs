mod decode;
mod lines;
mod pcapng;
mod places;
mod record;

use std::fs;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use netyard::capture::{Capture, Count, Interface, WHOLE, Wanted, Where};
use netyard::error::Error;
use netyard::lab;
use netyard::report::codes;
use netyard::state::{LabName, Netns};

use super::meant;
use super::output::{BAD, styled};
use super::trouble::Trouble;
use super::watch::signals;
use lines::{Json, Text};
use pcapng::About;
use record::{Output, Record};

/// Show or record the packets of several namespaces at once
///
/// A place is a namespace, which stands for all its devices, also those that come later,
/// or one device of it as NAMESPACE:INTERFACE; `host` is the namespace netyard runs in,
/// `pid:4711` that of a process, and a container is called as `netyard show` calls it.
/// Packets are told in the order of their times, wherever they were seen: the same packet on
/// its way, place by place.
/// What begins with no place is the filter, as tcpdump has it (pcap-filter(7)); `--` may
/// stand before it. Filters need libpcap on this machine. Ctrl-C ends it.
#[derive(Debug, Clone, clap::Args)]
#[command(after_help = "\
Examples: netyard capture one two:eth0 icmp         two places, pings only
          netyard capture --lab web -w web.pcapng   a lab, into one file
          netyard capture one -w - | wireshark -k -i -")]
pub(crate) struct Args {
    /// Places, then the filter
    #[arg(
        value_name = "NAMESPACE[:INTERFACE]|FILTER",
        required_unless_present = "lab"
    )]
    words: Vec<String>,
    /// The filter, where it could be taken for a place
    #[arg(last = true, value_name = "FILTER")]
    filter: Vec<String>,
    /// All namespaces of this lab
    #[arg(long)]
    lab: Option<LabName>,
    /// Write a pcapng file, for Wireshark; `-` is standard output
    #[arg(short, long, value_name = "FILE")]
    write: Option<PathBuf>,
    /// End after so many packets
    #[arg(short, long, value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
    /// End after so many seconds
    #[arg(long = "for", value_name = "SECONDS", value_parser = seconds)]
    time: Option<Duration>,
    /// Cut packets after so many bytes
    #[arg(short, long, value_name = "BYTES", default_value_t = WHOLE, hide_default_value = true,
          value_parser = clap::value_parser!(u32).range(1..=i64::from(WHOLE)))]
    snaplen: u32,
    /// Memory in which packets of a device wait to be read
    #[arg(long, value_name = "KIB", default_value_t = 4096,
          value_parser = clap::value_parser!(u32).range(1..=262_144))]
    buffer: u32,
    /// Print a line of JSON for each packet
    #[arg(long, conflicts_with = "write")]
    pub(crate) json: bool,
}

fn seconds(text: &str) -> Result<Duration, String> {
    let seconds: f64 = text.parse().map_err(|_| "it is no number".to_owned())?;
    let time = Duration::try_from_secs_f64(seconds).map_err(|e| e.to_string())?;
    match time.is_zero() {
        true => Err("it is over at once".to_owned()),
        false => Ok(time),
    }
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let words = meant::places(&args.words)?;
    let args = &Args {
        words,
        ..args.clone()
    };
    let Asked {
        places,
        filter,
        begins,
    } = asked(args)?;
    let wanted = Wanted {
        filter,
        snaplen: args.snaplen,
        buffer: args.buffer as usize * 1024,
    };
    let to_terminal = io::stdout().is_terminal();
    if args.write.as_deref() == Some(Path::new("-")) && to_terminal {
        let said = "packets are not written to a terminal";
        return Err(Trouble::input(codes::USAGE, said)
            .hint("give a file, or pipe it: `-w - | wireshark -k -i -`"));
    }
    let stop = signals()?;
    let mut capture = Capture::begin(&places, &wanted).map_err(|e| told(e, begins))?;
    let interfaces = capture.interfaces();
    let output = output(args, &wanted, &interfaces)?;
    let mut record = Record::new(output, args.count);
    record.begin(&interfaces)?;
    if !args.json {
        anstream::eprintln!("capturing on {}", listed(&interfaces));
    }
    capture.keep(stop.as_fd(), args.time, &mut record)?;
    let (interfaces, counts) = (capture.interfaces(), capture.counts()?);
    record.end(&interfaces, &counts)?;
    if !args.json {
        tell(args, &interfaces, &counts);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the command line asks for: where, and which packets.
struct Asked<'a> {
    places: Vec<Where>,
    filter: Option<String>,
    /// The word that began the filter, because it is no place.
    begins: Option<&'a str>,
}

fn asked(args: &Args) -> Result<Asked<'_>, Trouble> {
    let (mut places, rest) =
        places::split(&args.words, args.lab.is_some(), &netyard::has_namespace);
    if let Some(lab) = &args.lab {
        let state = lab::observe(lab)?;
        let own = state.namespaces.into_keys();
        let own = own.filter(|netns| *netns != Netns::Host);
        places.extend(own.map(|netns| (netns, None)));
    }
    if places.is_empty() {
        let said = match &args.lab {
            Some(lab) => format!("lab `{lab}` has no namespaces here"),
            None => format!("there is no namespace `{}`", args.words[0]),
        };
        return Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said));
    }
    let words: Vec<&str> = rest
        .iter()
        .chain(&args.filter)
        .map(String::as_str)
        .collect();
    let filter = words.join(" ");
    Ok(Asked {
        places,
        filter: Some(filter).filter(|filter| !filter.is_empty()),
        begins: rest.first().map(String::as_str),
    })
}

/// A filter with a mistake is a command line with a mistake.
fn told(error: Error, begins: Option<&str>) -> Trouble {
    let wrong = matches!(error, Error::Filter { .. });
    let trouble = Trouble::from(error);
    match begins.and_then(|word| word.split(' ').next()) {
        _ if !wrong => trouble,
        None => trouble.exit(2),
        Some("host") => trouble
            .exit(2)
            .cause("`host` before what is no place is a word of the filter"),
        Some(word) => trouble.exit(2).cause(format!(
            "`{word}` is no namespace here, so the filter begins with it"
        )),
    }
}

fn output(args: &Args, wanted: &Wanted, interfaces: &[Interface]) -> Result<Output, Trouble> {
    let about = About {
        snaplen: wanted.snaplen,
        filter: wanted.filter.clone(),
    };
    let Some(path) = &args.write else {
        return Ok(match args.json {
            true => Output::Json(Json::new(interfaces)),
            false => Output::Text(Text::new(interfaces)),
        });
    };
    let out: Box<dyn io::Write> = match path.as_os_str() == "-" {
        true => Box::new(io::stdout().lock()),
        false => Box::new(fs::File::create(path).map_err(|e| cannot_write(path, &e))?),
    };
    let out = io::BufWriter::with_capacity(256 * 1024, out);
    let file = pcapng::File::begin(out, interfaces, about);
    Ok(Output::File(file.map_err(|e| cannot_write(path, &e))?))
}

fn cannot_write(path: &Path, error: &io::Error) -> Trouble {
    Trouble::failed(
        codes::CANNOT_WRITE,
        format!("cannot write {}: {error}", path.display()),
    )
}

/// So many interfaces are named.
const NAMED: usize = 8;

fn listed(interfaces: &[Interface]) -> String {
    let names = interfaces.iter().take(NAMED);
    let names: Vec<String> = names
        .map(|one| format!("{}:{}", one.netns, one.dev))
        .collect();
    let names = names.join(", ");
    match interfaces.len().saturating_sub(NAMED) {
        0 => names,
        more => format!("{names} and {more} more"),
    }
}

/// `1 packet captured`, `2 packets captured`.
fn packets(count: u64) -> String {
    let s = if count == 1 { "" } else { "s" };
    format!("{count} packet{s} captured")
}

/// So many interfaces have a line at the end.
const SHOWN: usize = 16;

/// The end: how many packets, and what is missing.
fn tell(args: &Args, interfaces: &[Interface], counts: &[Count]) {
    let sum = |of: fn(&Count) -> u64| counts.iter().map(of).sum::<u64>();
    let (captured, dropped) = (sum(|count| count.captured), sum(|count| count.dropped));
    let lost = |dropped| {
        let said = format!("{dropped} dropped by the kernel");
        if dropped > 0 { styled(BAD, said) } else { said }
    };
    let to = match &args.write {
        Some(path) if path.as_os_str() != "-" => format!(", in {}", path.display()),
        _ => String::new(),
    };
    // Over the `^C` that a terminal shows.
    let start = if io::stderr().is_terminal() { "\r" } else { "" };
    anstream::eprintln!("{start}{}, {}{to}", packets(captured), lost(dropped));
    let busy = interfaces.iter().zip(counts);
    let busy: Vec<_> = busy
        .filter(|(_, count)| count.captured + count.dropped > 0)
        .collect();
    let names = busy
        .iter()
        .map(|(one, _)| format!("{}:{}", one.netns, one.dev));
    let names: Vec<String> = names.collect();
    let width = names.iter().map(String::len).max().unwrap_or(0);
    for (name, (_, count)) in names.iter().zip(&busy).take(SHOWN) {
        let captured = count.captured;
        anstream::eprintln!(
            "  {name:width$}  {captured} captured, {}",
            lost(count.dropped)
        );
    }
    if let Some(more) = busy.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let s = if more == 1 { "" } else { "s" };
        anstream::eprintln!("  and {more} more interface{s}");
    }
}
