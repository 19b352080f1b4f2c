import Foundation
import Graphs

/// What PyTorch gave for a layer, as Recording/record_layers.py wrote it.
struct RecordedLayers: Decodable {
    struct Case: Decodable {
        let name: String
        let output: [Double]
        let gradients: [String: [Double]]
    }

    let cases: [Case]

    /// Reads a file of Recorded beside this file.
    static func load(_ name: String = "layers.json") throws -> [String: Case] {
        let file = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent(
            "Recorded/" + name)
        let recorded = try JSONDecoder().decode(RecordedLayers.self, from: Data(contentsOf: file))
        return Dictionary(uniqueKeysWithValues: recorded.cases.map { ($0.name, $0) })
    }
}

/// The scripts' formula for numbers in [-1, 1), so that both sides have the same inputs and weights.
func recordedNumber(_ key: Int, _ index: Int) -> Double {
    let wave = sin(Double(index) * 12.9898 + Double(key) * 78.233) * 43758.5453
    return (wave - wave.rounded(.down)) * 2 - 1
}

/// An array of such numbers as float32 holds them.
func recordedArray(_ key: Int, _ shape: Shape, scale: Double = 1) -> ReferenceArray {
    ReferenceArray(
        shape, (0..<shape.elementCount).map { Double(Float(recordedNumber(key, $0) * scale)) })
}
