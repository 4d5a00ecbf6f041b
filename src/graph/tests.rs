//! What holds for any survey: nothing overlaps, texts are in their boxes, names are there, and
//! what is written is well-formed.

use proptest::prelude::*;

use super::layout::{self, Rect, Text};
use super::*;
use crate::state::survey::Far;

#[path = "../../tests/graph/made.rs"]
mod made;

use made::Made;

/// What is done to a host, one after the other; numbers are taken modulo what there is.
#[derive(Debug, Clone)]
enum Step {
    Plug(usize, usize),
    Cable(usize, usize),
    Uplink,
    Stack(usize),
    Hidden(usize),
    Inner(usize),
    Down(usize),
}

fn step() -> impl Strategy<Value = Step> {
    let n = 0..64_usize;
    prop_oneof![
        4 => (n.clone(), n.clone()).prop_map(|(room, switch)| Step::Plug(room, switch)),
        3 => (n.clone(), n.clone()).prop_map(|(one, other)| Step::Cable(one, other)),
        1 => Just(Step::Uplink),
        1 => n.clone().prop_map(Step::Stack),
        1 => n.clone().prop_map(Step::Hidden),
        1 => n.clone().prop_map(Step::Inner),
        1 => n.prop_map(Step::Down),
    ]
}

fn survey() -> impl Strategy<Value = Survey> {
    let steps = prop::collection::vec(step(), 0..40);
    let name = "[!-~é漢\\u{7}]{0,9}";
    (1..14_usize, 0..4_usize, steps, name).prop_map(|(rooms, switches, steps, name)| {
        let mut made = Made::new();
        for n in 0..rooms {
            made.room(&format!("{name}room{n}"));
        }
        for n in 0..switches {
            made.add(0, &format!("br{n}{name}"), "bridge", &["10.0.0.1/24"]);
        }
        for (n, step) in steps.into_iter().enumerate() {
            take(&mut made, &step, &format!("d{n}{name}"), (rooms, switches));
        }
        made.0
    })
}

fn take(made: &mut Made, step: &Step, name: &str, (rooms, switches): (usize, usize)) {
    let other = format!("x{name}");
    match *step {
        Step::Plug(room, switch) if switches > 0 => {
            let switch = (0, 1 + switch % switches);
            made.plug(
                (1 + room % rooms, name),
                &["10.0.0.2/24", "fd00::2/64"],
                &other,
                switch,
            );
        }
        Step::Cable(one, two) => {
            let [one, two] = [one, two].map(|room| room % (rooms + 1));
            made.cable(
                (one, name, &["10.1.0.1/30"]),
                (two, &other, &["10.1.0.2/30"]),
            );
        }
        Step::Uplink => {
            made.add(0, name, "device", &["192.0.2.1/24"]);
            made.route(0, "0.0.0.0/0", "192.0.2.254", name);
        }
        Step::Stack(on) => {
            let below = (0, on % made.0.namespaces[0].devices.len());
            let above = made.add(on % (rooms + 1), name, "macvlan", &["192.0.2.2/24"]);
            made.on(above, below);
        }
        Step::Hidden(room) => {
            let device = made.add(room % (rooms + 1), name, "veth", &[]);
            made.get(device).far = Some(Far::Unseen(None));
        }
        Step::Inner(room) => _ = made.add(1 + room % rooms, name, "dummy", &["10.9.0.1/32"]),
        Step::Down(room) => {
            let room = room % (rooms + 1);
            let device = made.0.namespaces[room].devices.len() - 1;
            made.down((room, device), false);
        }
        Step::Plug(..) => {}
    }
}

fn overlap(one: &Rect, other: &Rect) -> bool {
    let across = one.x < other.right() && other.x < one.right();
    across && one.y < other.bottom() && other.y < one.bottom()
}

fn holds(rect: &Rect, text: &Text) -> bool {
    let across = text.x >= rect.x && text.x + text.width() <= rect.right() + 0.5;
    across && text.y - text.size * 0.8 >= rect.y && text.y + text.size * 0.25 <= rect.bottom() + 0.5
}

fn is_inside(inner: &Rect, outer: &Rect) -> bool {
    let across = inner.x >= outer.x && inner.right() <= outer.right() + 0.5;
    across && inner.y >= outer.y && inner.bottom() <= outer.bottom() + 0.5
}

/// Of XML as far as it is written here: tags close in their order, values are quoted, and
/// `<` and `&` stand for nothing else.
fn is_well_formed(text: &str) -> Result<(), String> {
    let mut open: Vec<&str> = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find('<') {
        entities(&rest[..at])?;
        rest = &rest[at..];
        let end = match rest.strip_prefix("<!--") {
            Some(comment) => comment
                .find("--")
                .filter(|end| comment[*end..].starts_with("-->"))
                .map(|end| end + 6),
            None => rest.find('>'),
        };
        let end = end.ok_or_else(|| format!("no end: {rest:.80}"))?;
        let tag = &rest[1..end];
        rest = &rest[end + 1..];
        if let Some(name) = tag.strip_prefix('/') {
            let last = open.pop();
            if last != Some(name) {
                return Err(format!("{last:?} is closed by {name}"));
            }
        } else if !tag.starts_with('!') {
            entities(tag)?;
            if !tag.matches('"').count().is_multiple_of(2) || tag.contains('<') {
                return Err(format!("quotes of <{tag}>"));
            }
            let name = tag
                .trim_end_matches('/')
                .split(' ')
                .next()
                .unwrap_or_default();
            if !tag.ends_with('/') && name != "meta" {
                open.push(name);
            }
        }
    }
    match open.as_slice() {
        [] => Ok(()),
        open => Err(format!("{open:?} are not closed")),
    }
}

fn entities(text: &str) -> Result<(), String> {
    let known = ["amp;", "lt;", "gt;", "quot;", "#39;", "#45;"];
    for after in text.split('&').skip(1) {
        if !known.iter().any(|one| after.starts_with(one)) {
            return Err(format!("&{after:.20}"));
        }
    }
    let odd = |c: char| c.is_control() && c != '\n';
    text.find(odd)
        .map_or(Ok(()), |at| Err(format!("a control character at {at}")))
}

proptest! {
    #[test]
    fn nothing_overlaps_and_texts_are_in_their_boxes(survey in survey()) {
        let graph = graph(&survey, "any");
        let scene = layout::scene(&graph);
        for (n, one) in scene.boxes.iter().enumerate() {
            for other in &scene.boxes[n + 1..] {
                prop_assert!(!overlap(&one.rect, &other.rect), "{:?} {:?}", one.rect, other.rect);
            }
            let walls = Rect { x: 0.0, y: 0.0, w: scene.w, h: scene.h };
            let walls = scene.house.as_ref().map_or(walls, |house| house.rect);
            prop_assert!(is_inside(&one.rect, &walls));
            for text in &one.texts {
                prop_assert!(holds(&one.rect, text), "{text:?} in {:?}", one.rect);
            }
            for plate in &one.plates {
                prop_assert!(is_inside(&plate.rect, &one.rect));
                for text in &plate.texts {
                    prop_assert!(holds(&plate.rect, text), "{text:?} in {:?}", plate.rect);
                }
                for text in &one.texts {
                    let at = Rect { x: text.x, y: text.y - 8.0, w: 1.0, h: 9.0 };
                    prop_assert!(!overlap(&at, &plate.rect), "{text:?} on {:?}", plate.rect);
                }
            }
        }
        for tag in &scene.tags {
            for text in &tag.texts {
                prop_assert!(holds(&tag.rect, text));
            }
        }
        if let Some(frame) = &scene.house {
            for (rect, text) in &frame.signs {
                prop_assert!(holds(rect, text));
            }
        }
    }

    #[test]
    fn every_device_is_in_every_form(survey in survey()) {
        let [svg, html] = [svg, html].map(|draw| draw(&survey, "any"));
        let (dot, mermaid, text) = (dot(&survey, "any"), mermaid(&survey, "any"), text(&survey, usize::MAX));
        for page in [&svg, &html] {
            let formed = is_well_formed(page);
            prop_assert!(formed.is_ok(), "{formed:?}");
        }
        let devices = survey.namespaces.iter().flat_map(|space| &space.devices);
        for device in devices.filter(|device| device.kind != "loopback") {
            let name = words::clean(&device.name);
            prop_assert!(svg.contains(&svg::escaped(&name)), "{name} in {svg}");
            prop_assert!(html.contains(&svg::escaped(&name)), "{name}");
            prop_assert!(dot.contains(&dot::escaped(&name)), "{name} in {dot}");
            prop_assert!(mermaid.contains(&mermaid::plain(&name)), "{name} in {mermaid}");
            prop_assert!(text.contains(&name), "{name} in {text}");
        }
    }

    #[test]
    fn the_same_twice(survey in survey()) {
        prop_assert_eq!(svg(&survey, "any"), svg(&survey, "any"));
    }
}
