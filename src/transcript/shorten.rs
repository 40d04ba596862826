//! Long texts in a conversation are cut.

use codepiper_protocol::wire::conversation::{Edit, Said};

/// Cuts the texts that are longer. True when one was.
pub fn cut(said: &mut Said, longest: usize) -> bool {
    match said {
        Said::Prompt { text, .. }
        | Said::Text { text }
        | Said::Thinking { text }
        | Said::Note { text }
        | Said::Failed { text } => cut_text(text, longest),
        Said::Tool(call) => {
            let target = call.target.as_mut().is_some_and(|target| cut_text(target, longest.min(1024)));
            let input = cut_text(&mut call.input, longest);
            let edits = cut_edits(&mut call.edits, longest);
            let result = call.result.as_mut().is_some_and(|result| cut_text(&mut result.text, longest));
            target | input | edits | result
        }
        Said::Compacted { .. }
        | Said::Interrupted { .. }
        | Said::ModelChanged { .. }
        | Said::TurnEnded { .. } => false,
    }
}

fn cut_text(text: &mut String, longest: usize) -> bool {
    let long = text.len() > longest;
    if long {
        text.truncate(text.floor_char_boundary(longest));
        text.shrink_to_fit();
    }
    long
}

fn cut_edits(edits: &mut [Edit], longest: usize) -> bool {
    let (mut left, mut long) = (longest, false);
    for hunk in edits.iter_mut().flat_map(|edit| &mut edit.hunks) {
        let fits = hunk.lines.iter().take_while(|line| {
            let fits = line.len() <= left;
            left = left.saturating_sub(line.len());
            fits
        });
        let fits = fits.count();
        long |= fits < hunk.lines.len();
        hunk.lines.truncate(fits);
    }
    long
}
