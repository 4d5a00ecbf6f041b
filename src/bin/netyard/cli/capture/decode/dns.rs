//! The question of a DNS message, and how many answers there are (RFC 1035, 4.1).

/// The length of a message's header.
const HEADER: usize = 12;

/// As tcpdump tells it: `12345+ A? example.org.`, `12345 1/0/0 A? example.org.`; `None` for
/// what is no such message.
pub(super) fn told(message: &[u8]) -> Option<String> {
    let number = |at: usize| {
        Some(u16::from_be_bytes(
            message.get(at..at + 2)?.try_into().ok()?,
        ))
    };
    let (id, flags, questions) = (number(0)?, number(2)?, number(4)?);
    let answers = [number(6)?, number(8)?, number(10)?];
    let (name, end) = name(message)?;
    let kind = kind(number(end)?);
    if questions == 0 {
        return None;
    }
    let question = format!("{kind}? {name}");
    if flags & 0x8000 == 0 {
        let recursion = if flags & 0x100 == 0 { "" } else { "+" };
        return Some(format!("{id}{recursion} {question}"));
    }
    let code = match flags & 0xf {
        0 => "",
        1 => " FormErr",
        2 => " ServFail",
        3 => " NXDomain",
        4 => " NotImp",
        5 => " Refused",
        _ => " error",
    };
    let [answers, authorities, more] = answers;
    Some(format!(
        "{id}{code} {answers}/{authorities}/{more} {question}"
    ))
}

/// The name of the first question, which stands there in full, and where it ends.
fn name(message: &[u8]) -> Option<(String, usize)> {
    let (mut name, mut at) = (String::new(), HEADER);
    loop {
        let length = usize::from(*message.get(at)?);
        at += 1;
        match length {
            0 if name.is_empty() => return Some((".".to_owned(), at)),
            0 => return Some((name, at)),
            // RFC 1035: a label has 63 bytes at most.
            1..64 => {
                let label = message.get(at..at + length)?;
                name.extend(label.iter().map(|&byte| match byte.is_ascii_graphic() {
                    true => char::from(byte),
                    false => '?',
                }));
                name.push('.');
                at += length;
            }
            _ => return None,
        }
    }
}

fn kind(number: u16) -> String {
    let known = match number {
        1 => "A",
        2 => "NS",
        5 => "CNAME",
        6 => "SOA",
        12 => "PTR",
        15 => "MX",
        16 => "TXT",
        28 => "AAAA",
        33 => "SRV",
        65 => "HTTPS",
        255 => "ANY",
        _ => return format!("Type{number}"),
    };
    known.to_owned()
}
