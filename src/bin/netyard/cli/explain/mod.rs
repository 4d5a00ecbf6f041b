mod sent;

use std::net::IpAddr;
use std::process::ExitCode;
use std::str::FromStr;

use netyard::explain::{
    Agreement, Cause, Explanation, Load, Question, Sent, Step, Verdict, address_of,
};
use netyard::probe::Seen;
use netyard::report::codes;
use netyard::state::Transport;
use netyard::state::survey::{Space, Survey};
use netyard::survey;
use serde_json::json;

use super::meant::by_process;
use super::output::{self, BAD, BOLD, DIM, GOOD, say, styled};
use super::trouble::Trouble;

/// That of `ping`.
const SIZE: u32 = 84;

/// Tell why a packet arrives, or what keeps it from arriving
///
/// The packet is followed through what is really there, hop by hop, and its answer back:
/// routes (asked of the kernel), links, bridges, forwarding, rules of all tables, addresses
/// that are rewritten, who listens. Nothing is sent and nothing is changed. The last lines
/// are the verdict: the one cause, and what to change. It works for all of this host, whoever
/// made it. The exit code is 0 when packet and answer arrive, or leave what can be seen, 1
/// when not. With `--send` the packet is sent, too, and the kernel's own trace of it is
/// compared; then the code is what became of it.
#[derive(Debug, clap::Args)]
#[command(after_help = "Examples: netyard explain one three
          netyard explain one 192.0.2.1
          netyard explain host web:80/tcp
          netyard explain one '[2001:db8::1]:53/udp'
          netyard explain one three --size 1500
          netyard explain one three --send")]
pub(crate) struct Args {
    /// The namespace that sends; `host` is the one netyard runs in
    from: String,
    /// Where to: a namespace or an address, with a port (of TCP, or PORT/udp) or as a ping
    #[arg(value_name = "TO[:PORT[/PROTO]]")]
    to: String,
    /// How large the packet is, in bytes, and that it may not be divided
    #[arg(long, value_name = "BYTES", default_value_t = SIZE, value_parser = clap::value_parser!(u32).range(28..=65535))]
    size: u32,
    /// Send the packet, too, and have the kernel trace it. That takes root's rights; for as
    /// long as the packet is on its way, each namespace of the way has a table
    /// `inet netyard-trace-PID`. For TCP it is the first packet of a connection, which is
    /// then given up; for UDP a datagram that begins with `nyrd`
    #[arg(long)]
    send: bool,
    /// Print JSON
    #[arg(long)]
    pub(crate) json: bool,
}

pub(crate) fn run(args: &Args) -> Result<ExitCode, Trouble> {
    let answer = match asked(args) {
        Ok(answer) => answer,
        Err(Unasked::Nowhere(explanation)) => Answer {
            to: None,
            load: Load::Echo,
            explanation: *explanation,
            sent: None,
        },
        Err(Unasked::Trouble(trouble)) => return Err(trouble),
    };
    let Answer {
        explanation, sent, ..
    } = &answer;
    let as_explained = matches!(explanation.verdict, Verdict::Arrives | Verdict::Leaves(_));
    let arrives = match sent {
        Some(sent) if sent.seen == Seen::Reached => true,
        // What the packet does not tell is as explained.
        Some(sent) => as_explained && !matches!(sent.agreement, Agreement::No(_)),
        None => as_explained,
    };
    if args.json {
        output::json(&as_json(args, &answer))?;
    } else {
        show(args, &answer);
    }
    Ok(ExitCode::from(u8::from(!arrives)))
}

/// What is known of a question.
struct Answer {
    /// `None`: who is meant has no address.
    to: Option<IpAddr>,
    load: Load,
    explanation: Explanation,
    sent: Option<Sent>,
}

/// Why nothing is asked.
enum Unasked {
    Trouble(Trouble),
    /// Who is meant has no address, which is the answer.
    Nowhere(Box<Explanation>),
}

impl From<Trouble> for Unasked {
    fn from(trouble: Trouble) -> Self {
        Unasked::Trouble(trouble)
    }
}

impl From<netyard::error::Error> for Unasked {
    fn from(error: netyard::error::Error) -> Self {
        Unasked::Trouble(error.into())
    }
}

fn asked(args: &Args) -> Result<Answer, Unasked> {
    let (question, explanation, sent) = match args.send {
        true => {
            let question = |survey: &Survey| Ok::<_, Unasked>(sendable(question(args, survey)?)?);
            let (question, explanation, sent) = survey::explain_and_send(question)?;
            (question, explanation, Some(sent))
        }
        false => {
            let question = |survey: &Survey| Ok::<_, Unasked>(vec![question(args, survey)?]);
            match survey::explain(question)?.pop() {
                Some((question, explanation)) => (question, explanation, None),
                None => Err(Trouble::failed(codes::INTERNAL, "no answer"))?,
            }
        }
    };
    Ok(Answer {
        to: Some(question.to),
        load: question.load,
        explanation,
        sent,
    })
}

fn sendable(question: Question) -> Result<Question, Trouble> {
    match question.load {
        Load::To(Transport::Sctp, _) => {
            let trouble = Trouble::input(codes::USAGE, "packets of SCTP are not sent");
            Err(trouble.hint("without `--send` the way is explained"))
        }
        Load::To(Transport::Tcp, _) if question.size != SIZE => {
            let why = "the first packet of a TCP connection carries nothing: it cannot be larger";
            let trouble = Trouble::input(codes::USAGE, why);
            Err(trouble.hint("`--size` with a ping or with PORT/udp"))
        }
        _ => Ok(question),
    }
}

/// A port and its protocol.
#[derive(Debug, Clone, Copy)]
struct Port(Transport, u16);

/// What stands behind the last colon.
impl FromStr for Port {
    type Err = ();
    fn from_str(text: &str) -> Result<Self, ()> {
        let (port, protocol) = text.split_once('/').unwrap_or((text, "tcp"));
        let port = port.parse().map_err(drop)?;
        if port == 0 {
            return Err(());
        }
        let protocol = protocol.parse().map_err(drop)?;
        Ok(Port(protocol, port))
    }
}

fn question(args: &Args, survey: &Survey) -> Result<Question, Unasked> {
    let from = place(survey, &args.from)?;
    // A process's namespace has a colon in what it is called.
    let (name, load) = match survey.find(&by_process(&args.to)).is_empty() {
        true => target(&args.to)?,
        false => (args.to.as_str(), Load::Echo),
    };
    let to = match name.parse::<IpAddr>() {
        Ok(address) => address,
        Err(_) => {
            let to = place(survey, name)?;
            let (from, to) = (&survey.namespaces[from], &survey.namespaces[to]);
            address_of(from, to).ok_or_else(|| nowhere(to))?
        }
    };
    Ok(Question {
        from,
        to,
        load,
        size: args.size,
        answered: false,
    })
}

/// `web:80/tcp`, `10.0.0.1`, `[2001:db8::1]:53/udp`, `2001:db8::1`.
fn target(text: &str) -> Result<(&str, Load), Trouble> {
    let wrong = |what: String| {
        let trouble = Trouble::input(codes::USAGE, what);
        Err(trouble.hint("`web:80`, `10.0.0.1:53/udp` or `[2001:db8::1]:80`: TO[:PORT[/PROTO]]"))
    };
    if text.parse::<IpAddr>().is_ok() || text.starts_with("net:[") {
        return Ok((text, Load::Echo));
    }
    let (name, port) = match text.strip_prefix('[') {
        None => text
            .rsplit_once(':')
            .map_or((text, None), |(name, port)| (name, Some(port))),
        Some(inner) => match inner.split_once(']') {
            None => return wrong(format!("`{text}` has a bracket that is not closed")),
            Some((name, "")) => (name, None),
            Some((name, port)) => (name, Some(port.strip_prefix(':').unwrap_or(port))),
        },
    };
    match port.map(Port::from_str) {
        None => Ok((name, Load::Echo)),
        Some(Err(())) if port == Some("") => wrong(format!("no port behind the colon of `{text}`")),
        Some(Err(())) if text.contains('%') => {
            wrong(format!("`{text}`: an address without its device is meant"))
        }
        Some(Ok(Port(transport, port))) => Ok((name, Load::To(transport, port))),
        Some(Err(())) if name == "pid" => Ok((text, Load::Echo)),
        Some(Err(())) => {
            let port = port.unwrap_or_default();
            wrong(format!(
                "`{port}` is no port, nor PORT/tcp, PORT/udp or PORT/sctp"
            ))
        }
    }
}

fn place(survey: &Survey, name: &str) -> Result<usize, Trouble> {
    let name = &*by_process(name);
    let found = survey.find(name);
    let said = match found.as_slice() {
        [one] if one.unread.is_some() => return Err(unread(one)),
        [one] => {
            let at = survey
                .namespaces
                .iter()
                .position(|space| space.name == one.name);
            return at.ok_or_else(|| Trouble::failed(codes::INTERNAL, "a namespace without place"));
        }
        [] => format!("no namespace or container is called `{name}`"),
        several => {
            let names: Vec<&str> = several.iter().map(|space| space.name.as_str()).collect();
            format!("`{name}` may be {}", names.join(" or "))
        }
    };
    Err(Trouble::failed(codes::NO_SUCH_NAMESPACE, said).hint("`netyard show` lists all of them"))
}

fn unread(space: &Space) -> Trouble {
    let said = format!("namespace {} was not looked into", space.name);
    let why = space.unread.clone().unwrap_or_default();
    let trouble = Trouble::failed(codes::NOT_ROOT, said).cause(why);
    trouble.hint("sudo netyard explain ..., which sees all of the host")
}

/// A namespace that has no address.
fn nowhere(to: &Space) -> Unasked {
    let netns = to.name.clone();
    Unasked::Nowhere(Box::new(Explanation {
        there: Vec::new(),
        back: Vec::new(),
        verdict: Verdict::Stops(Box::new(Cause::NoAddress { netns, v6: false })),
    }))
}

fn show(args: &Args, answer: &Answer) {
    let explanation = &answer.explanation;
    let load = match answer.load {
        Load::Echo => "ping".to_owned(),
        Load::To(transport, port) => format!("{transport} to port {port}"),
    };
    let to = answer
        .to
        .map_or_else(|| args.to.clone(), |to| to.to_string());
    let head = format!("{} -> {to}, {load}", args.from);
    say!("{}", styled(BOLD, head));
    let all = explanation.there.iter().chain(&explanation.back);
    let width = all
        .map(|step| step.netns.chars().count())
        .max()
        .unwrap_or_default();
    steps(&explanation.there, width);
    if !explanation.back.is_empty() {
        say!("{}", styled(DIM, "and back"));
        steps(&explanation.back, width);
    }
    match &explanation.verdict {
        Verdict::Arrives => say!("{}: packet and answer arrive", styled(GOOD, "arrives")),
        Verdict::Leaves(place) => say!(
            "{}: by {place}; what is beyond is not seen from here",
            styled(GOOD, "leaves")
        ),
        Verdict::Stops(cause) => {
            say!("{}: {cause}", styled(BAD, "stops"));
            say!("  {} {}", styled(DIM, "change:"), cause.fix());
        }
        Verdict::Unknown(why) => say!("{}: {why}", styled(BAD, "not known")),
    }
    if let Some(sent) = &answer.sent {
        sent::show(sent);
    }
}

fn steps(steps: &[Step], width: usize) {
    for step in steps {
        say!("  {:width$}  {:8}  {}", step.netns, step.what, step.text);
    }
}

fn as_json(args: &Args, answer: &Answer) -> serde_json::Value {
    let explanation = &answer.explanation;
    let (cause, fix) = match &explanation.verdict {
        Verdict::Stops(cause) => (Some(cause), Some(cause.fix())),
        _ => (None, None),
    };
    json!({
        "from": args.from,
        "to": answer.to,
        "there": explanation.there,
        "back": explanation.back,
        "verdict": match &explanation.verdict {
            Verdict::Arrives => "arrives",
            Verdict::Leaves(_) => "leaves",
            Verdict::Stops(_) => "stops",
            Verdict::Unknown(_) => "unknown",
        },
        "cause": cause.map(|cause| cause.word()),
        "line": match &explanation.verdict {
            Verdict::Stops(cause) => Some(cause.to_string()),
            Verdict::Leaves(place) => Some(format!("leaves by {place}")),
            Verdict::Unknown(why) => Some(why.clone()),
            Verdict::Arrives => None,
        },
        "change": fix,
        "sent": answer.sent.as_ref().map(sent::as_json),
    })
}
