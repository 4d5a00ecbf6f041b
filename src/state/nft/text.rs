//! A table in nft's own language.

use super::{Element, TABLE, Table};

/// An element in a command. A final `*` would be a wildcard, so that a device which
/// has one in its name needs a backslash (expr_evaluate_string in nft's
/// src/evaluate.c). A name with `"` cannot be told to nft at all.
pub fn element(element: &Element, owner: Option<&str>) -> String {
    let note = owner.map_or_else(String::new, |owner| format!(" comment \"{owner}\""));
    let text = element.to_string().replace("*\"", "\\*\"");
    // The comment belongs to the key.
    match text.split_once(" : ") {
        Some((key, data)) => format!("{key}{note} : {data}"),
        None => text + &note,
    }
}

/// What `nft -f -` reads to make the same table in one transaction.
pub fn script(table: &Table) -> String {
    let mut text = format!("table {} {{\n", table.name);
    if table.ours {
        text += &format!("\tcomment \"{TABLE}\"\n");
    }
    for (set, elements) in &table.sets {
        let word = if set.data().is_empty() { "set" } else { "map" };
        let (name, declaration) = (set.as_str(), set.declaration(table.lifetime));
        text += &format!("\t{word} {name} {{\n\t\t{declaration}\n");
        let elements: Vec<String> = elements
            .iter()
            .map(|(element, owner)| {
                let owner = owner.as_ref().map_or(TABLE, |lab| lab.as_str());
                self::element(element, Some(owner))
            })
            .collect();
        if !elements.is_empty() {
            text += &format!("\t\telements = {{ {} }}\n", elements.join(", "));
        }
        text += "\t}\n";
    }
    for (chain, rules) in &table.chains {
        text += &format!("\tchain {} {{\n", chain.as_str());
        if let Some(hook) = chain.hook() {
            text += &format!("\t\t{hook}\n");
        }
        for rule in rules {
            text += &format!("\t\t{rule} comment \"{TABLE}\"\n");
        }
        text += "\t}\n";
    }
    text + "}\n"
}
