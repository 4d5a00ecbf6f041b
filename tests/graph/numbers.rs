//! By which numbers a page finds what is drawn.

use netyard::graph;
use netyard::state::survey::Survey;

use crate::sample;

/// As of a kernel: namespaces and devices have numbers.
fn numbered(mut survey: Survey) -> Survey {
    for (at, space) in (1000..).zip(&mut survey.namespaces) {
        space.inode = at;
    }
    survey
}

/// The value of an attribute of each element that has it.
fn values<'s>(svg: &'s str, name: &str) -> Vec<&'s str> {
    let begin = format!(" {name}=\"");
    let after = svg.split(&begin).skip(1);
    after.filter_map(|rest| rest.split('"').next()).collect()
}

fn count(all: &[&str]) -> Vec<usize> {
    all.iter().map(|one| one.split(' ').count()).collect()
}

#[test]
fn rooms_devices_and_links_are_found() {
    let survey = numbered(sample::alike(3));
    let svg = graph::svg(&survey, "");
    // The house, and its rooms.
    assert_eq!(values(&svg, "data-netns"), ["1000", "1001", "1002", "1003"]);
    let mut links = 0;
    for space in survey.namespaces.iter().skip(1) {
        for device in space.devices.iter().filter(|device| device.kind == "veth") {
            let key = format!("{}:{}", space.inode, device.index);
            assert!(values(&svg, "data-dev").contains(&key.as_str()), "{key}");
            // What a cable carries is asked of the room's end.
            assert!(values(&svg, "data-link").contains(&key.as_str()), "{key}");
            links += 1;
        }
    }
    assert_eq!(links, 3);
    let far = values(&svg, "data-far");
    assert!(far.len() == 3 && far.iter().all(|key| key.starts_with("1000:")));
}

#[test]
fn those_that_are_drawn_as_one_are_all_found() {
    let svg = graph::svg(&numbered(sample::alike(300)), "");
    assert_eq!(count(&values(&svg, "data-netns")), [1, 300]);
    assert_eq!(count(&values(&svg, "data-link")), [300]);
    assert_eq!(count(&values(&svg, "data-far")), [300]);
}

#[test]
fn what_a_file_asks_for_has_no_numbers() {
    let svg = graph::svg(&sample::example("three"), "");
    assert!(!svg.contains("data-"), "{svg}");
}
