//! The table in nft's own language.

use super::nft::{Element, TABLE, Table};

/// An element in a command. A final `*` would be a wildcard, so that a device which
/// has one in its name needs a backslash (expr_evaluate_string in nft's
/// src/evaluate.c). A name with `"` cannot be told to nft at all.
pub fn element(element: &Element) -> String {
    element.to_string().replace("*\"", "\\*\"")
}

/// What `nft -f -` reads to make the same table in one transaction.
pub fn script(table: &Table) -> String {
    let mut text = format!("table inet {TABLE} {{\n");
    if table.ours {
        text += &format!("\tcomment \"{TABLE}\"\n");
    }
    for (set, elements) in &table.sets {
        text += &format!("\tset {} {{\n\t\t{}\n", set.as_str(), set.key());
        let elements: Vec<String> = elements
            .iter()
            .map(|(element, owner)| {
                let owner = owner.as_ref().map_or(TABLE, |lab| lab.as_str());
                format!("{} comment \"{owner}\"", self::element(element))
            })
            .collect();
        if !elements.is_empty() {
            text += &format!("\t\telements = {{ {} }}\n", elements.join(", "));
        }
        text += "\t}\n";
    }
    for (chain, rules) in &table.chains {
        text += &format!("\tchain {} {{\n\t\t{}\n", chain.as_str(), chain.hook());
        for rule in rules {
            text += &format!("\t\t{rule} comment \"{TABLE}\"\n");
        }
        text += "\t}\n";
    }
    text + "}\n"
}
