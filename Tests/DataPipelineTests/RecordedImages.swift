import DataPipeline
import Foundation
import Testing

/// What `Recording/record_images.py` recorded from Pillow.
struct RecordedImages: Decodable {
    struct Picture: Decodable {
        var name: String?
        var file: Data?
        var width: Int
        var height: Int
        var pixels: Data
    }

    var decoded: [Picture]
    var bilinear: [Picture]
    var hugePNG: Data
    var hugeJPEG: Data

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recorded/images.json")
        self = try JSONDecoder().decode(RecordedImages.self, from: Data(contentsOf: path))
    }

    func file(_ name: String) throws -> [UInt8] {
        Array(try #require(decoded.first { $0.name == name }?.file))
    }

    /// The picture that the script calls `colour`.
    func colour() throws -> Image {
        let recorded = try #require(decoded.first { $0.name == "png rgb" })
        return Image(width: recorded.width, height: recorded.height, elements: Array(recorded.pixels))
    }
}

extension ImageDecoder {
    func decode(_ bytes: [UInt8], path: String = "bytes") throws -> Image {
        try bytes.withUnsafeBufferPointer { try decode($0, path: path) }
    }
}
