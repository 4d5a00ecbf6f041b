pub fn script(table: &super::Table) -> String {
    let _ = table;
    String::new()
}
