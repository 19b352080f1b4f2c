import ArgumentParser
import Checkpoints
import Diagnostics
import Foundation
import Inference

/// `lockstep export`.
struct Export: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Write a trained model as one safetensors file, low-rank adapters merged into their base.",
        discussion: """
            lockstep export RUN model.safetensors          the best checkpoint's parameters, by PyTorch's names

            Other frameworks load it, and so does model.from.
            """)

    @Argument(help: "A run's folder, or a checkpoint's.", completion: .directory) var path: String
    @Argument(help: "The file to write; it must not be there yet.", completion: .file()) var file: String
    @Option(
        help: "Of a run with model.adapters: where the run or file that they were trained on lies now.",
        completion: .directory)
    var base: String?

    func run() throws {
        guard !FileManager.default.fileExists(atPath: file) else {
            throw LockstepError(
                .cannotCreate, "there is a file already", at: FileLocation(file),
                remedy: "remove it, or give another name")
        }
        let model = try TrainedModel(path, base: base)
        model.warnings.forEach { note("warning: " + $0) }
        let tensors = model.mergedTensors()
        try SafetensorsWriter.write(
            tensors, metadata: ["format": "pt", "step": String(model.checkpoint.step)], to: file)
        note("\(tensors.count) tensors written into \(file)")
    }
}
