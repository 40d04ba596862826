//! Images among a line: named by their number in it, read when somebody looks.

use base64::Engine;
use serde_json::Value;

/// The image with this number in a line, as it was given.
pub fn content(line: &[u8], number: usize) -> Option<Vec<u8>> {
    let line: Value = serde_json::from_slice(line).ok()?;
    let mut found = Vec::new();
    collect(&line, &mut found);
    let data = data(found.get(number)?)?;
    base64::engine::general_purpose::STANDARD.decode(data).ok()
}

/// The numbers of the images below a part of a line.
pub fn numbers(line: &Value, part: &Value) -> Vec<String> {
    // Most parts have none.
    let mut wanted = Vec::new();
    collect(part, &mut wanted);
    if wanted.is_empty() {
        return vec![];
    }
    let mut all = Vec::new();
    collect(line, &mut all);
    let number = |image: &&Value| all.iter().position(|other| std::ptr::eq(*other, *image));
    wanted.iter().filter_map(number).map(|number| number.to_string()).collect()
}

fn collect<'a>(value: &'a Value, found: &mut Vec<&'a Value>) {
    match value {
        Value::Array(values) => values.iter().for_each(|value| collect(value, found)),
        Value::Object(_) if data(value).is_some() => found.push(value),
        Value::Object(fields) => fields.values().for_each(|value| collect(value, found)),
        _ => {}
    }
}

/// The base64 of an image block.
fn data(block: &Value) -> Option<&str> {
    let kind = block.get("type")?.as_str()?;
    match kind {
        "image" | "input_image" => match block.get("source") {
            Some(source) => source.get("data")?.as_str(),
            None => block
                .get("image_url")?
                .as_str()?
                .strip_prefix("data:")?
                .split_once(";base64,")
                .map(|(_, data)| data),
        },
        _ => None,
    }
}
