//! JUnit XML, as CI systems read it: a test case for each probe of `expect`. There
//! is no standard; this is what Jenkins, GitLab and GitHub's reporters have in common.

use std::fmt::Write;

use super::{Report, Row, table};

pub(super) fn document(report: &Report) -> String {
    let cases: String = report.judged().map(|row| case(report, row)).collect();
    let (count, failed) = (report.judged().count(), report.failed());
    let time = report.took.as_secs_f64();
    let lab = escaped(&report.lab.to_string());
    let counts = format!("tests=\"{count}\" failures=\"{failed}\" errors=\"0\" time=\"{time:.6}\"");
    format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <testsuites name=\"netyard\" {counts}>\n  \
         <testsuite name=\"{lab}\" skipped=\"0\" {counts}>\n\
         {cases}  </testsuite>\n</testsuites>\n"
    )
}

fn case(report: &Report, row: &Row) -> String {
    let Row {
        check,
        outcome,
        cause,
        change,
    } = row;
    let name = format!(
        "{} to {}: {}, {}",
        check.from,
        table::target(check),
        check.probe,
        table::expected(check)
    );
    let time = outcome.rtt.unwrap_or_default().as_secs_f64();
    let mut text = String::new();
    // A string takes all that is written to it.
    let _ = write!(
        text,
        "    <testcase classname=\"netyard.{}\" name=\"{}\" time=\"{time:.6}\"",
        escaped(&report.lab.to_string()),
        escaped(&name)
    );
    if row.is_expected() {
        return text + "/>\n";
    }
    let seen = escaped(&table::seen(row));
    let cause = escaped(cause.as_deref().unwrap_or_default());
    let change = change.as_ref().map(|change| escaped(change));
    let change = change.map(|change| format!("\nchange: {change}"));
    let change = change.unwrap_or_default();
    text + &format!(
        ">\n      <failure type=\"{seen}\" message=\"{cause}\">seen: {seen}\n{cause}{change}</failure>\n    </testcase>\n"
    )
}

/// For attributes and text. XML 1.0 cannot hold most control characters at all.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out += "&amp;",
            '<' => out += "&lt;",
            '>' => out += "&gt;",
            '"' => out += "&quot;",
            '\n' => out += "&#10;",
            c if c.is_control() || matches!(c, '\u{fffe}' | '\u{ffff}') => out.push('\u{fffd}'),
            c => out.push(c),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use netyard::probe::{Bounds, Check, Outcome, Probe, Seen};

    use super::super::{Report, Row};
    use super::{document, escaped};

    #[test]
    fn nothing_breaks_out_of_its_quotes() {
        assert_eq!(
            escaped("a<b> & \"c\"\n\u{1b}["),
            "a&lt;b&gt; &amp; &quot;c&quot;&#10;\u{fffd}["
        );
        assert_eq!(escaped("namespace ö"), "namespace ö");
    }

    fn row(to: &str, reach: Option<bool>, seen: Seen, cause: Option<&str>) -> Row {
        let rtt = (seen == Seen::Reached).then_some(Duration::from_micros(250));
        let check = Check {
            from: "one".parse().unwrap(),
            to: to.parse().unwrap(),
            name: None,
            home: None,
            behind: None,
            probe: Probe::Tcp(80),
            reach,
            bounds: Bounds::default(),
        };
        let outcome = Outcome {
            seen,
            rtt,
            sent: 1,
            answered: 1,
            size: None,
            fits: None,
            server: false,
        };
        let cause = cause.map(str::to_owned);
        Row {
            check,
            outcome,
            cause,
            change: None,
        }
    }

    #[test]
    fn a_case_for_each_probe_that_is_judged() {
        let rows = vec![
            row("10.0.0.1", None, Seen::NoAnswer, Some("nobody asked")),
            row("10.0.0.2", Some(true), Seen::Reached, None),
            row(
                "fd00::3",
                Some(true),
                Seen::Refused,
                Some("<nobody> & \"nothing\""),
            ),
        ];
        let report = Report {
            lab: "three".parse().unwrap(),
            rows,
            pairs: 1,
            drift: None,
            took: Duration::from_millis(1500),
        };
        assert_eq!(document(&report), GOLDEN);
    }

    const GOLDEN: &str = r#"<?xml version="1.0" encoding="UTF-8"?>
<testsuites name="netyard" tests="2" failures="1" errors="0" time="1.500000">
  <testsuite name="three" skipped="0" tests="2" failures="1" errors="0" time="1.500000">
    <testcase classname="netyard.three" name="one to 10.0.0.2: tcp 80, reached" time="0.000250"/>
    <testcase classname="netyard.three" name="one to fd00::3: tcp 80, reached" time="0.000000">
      <failure type="refused" message="&lt;nobody&gt; &amp; &quot;nothing&quot;">seen: refused
&lt;nobody&gt; &amp; &quot;nothing&quot;</failure>
    </testcase>
  </testsuite>
</testsuites>
"#;
}
