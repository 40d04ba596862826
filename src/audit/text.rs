//! Texts in records: what was decided on stands there whole, or can be compared with what somebody shows later.

use serde_json::Value;

use super::record::sha256;

/// Of a longer text, a record has the beginning, in bytes.
const LONGEST: usize = 4096;

/// Puts a text into a record's data. Of a longer one `NAME_sha256` is the hash of all of it, in UTF-8.
pub fn put_text(data: &mut Value, name: &str, text: &str) {
    data[name] = text[..text.floor_char_boundary(LONGEST)].into();
    if text.len() > LONGEST {
        data[format!("{name}_sha256")] = sha256(&[text.as_bytes()]).to_string().into();
    }
}

/// The same with anything else; if it is long, as its JSON.
pub fn put_value(data: &mut Value, name: &str, value: Value) {
    let json = value.to_string();
    match json.len() <= LONGEST {
        true => data[name] = value,
        false => put_text(data, name, &json),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_long_text_is_cut_and_known_by_its_hash() {
        let mut data = json!({});
        put_text(&mut data, "text", "touch x\nrm y");
        assert_eq!(data, json!({"text": "touch x\nrm y"}));
        // As `head -c 5000 /dev/zero | tr '\0' a | sha256sum` says.
        put_text(&mut data, "text", &"a".repeat(5000));
        assert_eq!(data["text"], "a".repeat(4096));
        assert_eq!(data["text_sha256"], "c526c6222044dab5674de9c4ac7f4566ebb5e4d8bf9d8ea34c9cc8a7cc3c869c");
        put_text(&mut data, "text", &format!("{}é", "a".repeat(4095)));
        assert_eq!(data["text"], "a".repeat(4095));
        put_value(&mut data, "answers", json!([{"text": "a"}]));
        assert_eq!(data["answers"], json!([{"text": "a"}]));
        put_value(&mut data, "answers", json!(["a".repeat(5000)]));
        assert!(data["answers"].is_string() && data["answers_sha256"].is_string());
    }
}
