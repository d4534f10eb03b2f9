//! Surveys a folder and prints its picture, and what would be run to set each part up:
//! `cargo run -p codegod-reasoner --example survey -- DIR`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use codegod_reasoner::{setup, survey};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::args_os().nth(1).ok_or("usage: survey DIR")?;
    let picture = survey::survey(&survey::Tree::of_folder(folder.as_ref())?);
    println!("{}", serde_json::to_string_pretty(&picture)?);
    for part in &picture.parts {
        println!("--- {}", part.setup.part);
        if let Some(resolution) = setup::resolution(&part.setup) {
            println!("{}\n# leaves {}", resolution.run, resolution.leaves);
        }
        println!("{}", serde_json::to_string_pretty(&setup::recipe(&part.setup))?);
    }
    Ok(())
}
