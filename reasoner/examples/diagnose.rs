//! Says what the rules make of what a failing command printed, for those who write rules:
//! `cargo run -p codegod-reasoner --example diagnose -- DIR resolve|install|prepare|test OUTPUT_FILE [EXIT_CODE]`.

#![expect(clippy::print_stdout, reason = "printing is what it is for")]

use codegod_reasoner::diagnosis::{Failure, Rules};
use codegod_reasoner::survey::{self, Tree};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let mut next = || arguments.next().ok_or("usage: diagnose DIR STAGE OUTPUT_FILE [EXIT_CODE]");
    let (folder, stage, file) = (next()?, next()?, next()?);
    let exit_code = arguments.next().map_or(Ok(1), |code| code.parse())?;
    let tree = Tree::of_folder(folder.as_ref())?;
    let bytes = std::fs::read(file)?;
    let output = String::from_utf8_lossy(&bytes);
    let failure = Failure {
        stage: serde_json::from_value(serde_json::Value::from(stage))?,
        command: "",
        exit_code,
        output: &output,
    };
    let rules = Rules::standard();
    for part in survey::survey(&tree).parts {
        println!("--- {}", part.setup.part);
        let (found, problems) = rules.diagnose_strictly(&part.setup, &tree, &failure);
        for diagnosis in found {
            println!("{:.2} {}: {}", diagnosis.confidence, diagnosis.rule, diagnosis.believes);
            println!("  saw: {}", diagnosis.saw.replace('\n', "\n       "));
            println!("  {:?}", diagnosis.remedy);
        }
        problems.iter().for_each(|problem| println!("problem: {problem}"));
    }
    Ok(())
}
