import DataPipeline
import Foundation
import Testing

/// What `Recording/record_tokenizers.py` recorded from the `tokenizers` package.
struct RecordedTokenizers: Decodable {
    struct Sample: Decodable {
        var text: Data
        var ids: [Int32]
    }

    struct Case: Decodable {
        var hash: UInt64
        var count: Int
        var samples: [Sample]
    }

    var notUTF8: Int
    var small: Case
    var prefixed: Case
    var large: Case
    var largeTokens: UInt64
    var largeMerges: UInt64
    var wordPiece: Case
    var wordPieceCased: Case

    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("Recorded")

    init() throws {
        let path = Self.folder.appendingPathComponent("tokenizers.json")
        self = try JSONDecoder().decode(RecordedTokenizers.self, from: Data(contentsOf: path))
    }

    /// The 10,000 lines of the script.
    static func lines() throws -> [[UInt8]] {
        func lines(_ name: String, _ count: Int) throws -> [[UInt8]] {
            try Data(contentsOf: TestData.folder.appendingPathComponent(name))
                .split(separator: 10, maxSplits: count, omittingEmptySubsequences: false).prefix(count).map(
                    Array.init)
        }
        let german = try lines("multi30k/train.de", 4_000).enumerated().map { number, line in
            let scalars = String(decoding: line, as: UTF8.self).unicodeScalars
            return number % 2 == 1 && scalars.allSatisfy { $0.value < 256 }
                ? scalars.map { UInt8($0.value) } : line
        }
        return try lines("ag-news/test.csv", 4_000) + german + lines("rt-polarity/rt-polarity.neg", 2_000)
    }

    /// FNV-1a over bytes, as the script computes it.
    struct Hash {
        var value: UInt64 = 0xcbf2_9ce4_8422_2325

        mutating func add(_ bytes: some Sequence<UInt8>) {
            for byte in bytes { value = (value ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }

        mutating func add(_ number: Int32) { withUnsafeBytes(of: number.littleEndian) { add($0) } }
    }
}

extension RecordedTokenizers.Case {
    /// Expects a tokenizer to give what was recorded, on the samples and, where there are data, on all lines.
    func check(_ tokenizer: some TextTokenizer) throws {
        for sample in samples {
            #expect(
                try tokenizer.identifiers(of: Array(sample.text)) == sample.ids, "\(sample.text as NSData)")
        }
        guard TestData.hasNews else { return }
        var hash = RecordedTokenizers.Hash()
        var count = 0
        for line in try RecordedTokenizers.lines() {
            let identifiers = try tokenizer.identifiers(of: line)
            count += identifiers.count
            hash.add(Int32(identifiers.count))
            for identifier in identifiers { hash.add(identifier) }
        }
        #expect(count == self.count && hash.value == self.hash)
    }
}

extension TextTokenizer {
    func identifiers(of bytes: [UInt8]) throws -> [Int32] {
        var result: [Int32] = []
        try bytes.withUnsafeBufferPointer { try encode($0, appendingTo: &result) }
        return result
    }
}
