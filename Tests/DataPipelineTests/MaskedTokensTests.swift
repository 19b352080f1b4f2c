import DataPipeline
import Diagnostics
import Testing

/// Which tokens are hidden, how often, and that it depends on seed, epoch and sample alone.
@Suite struct MaskedTokensTests {
    private let length = 50
    private let vocabulary = MaskedTokens.Vocabulary(identifierCount: 40, firstOrdinary: 5, mask: 4)

    private func texts() throws -> any Dataset {
        // Tokens 5 to 39, and at the end padding and others that are not ordinary.
        var values: [Int32] = []
        for text in 0..<400 {
            for place in 0..<length {
                let ordinary = 5 + (text * 31 + place * 7) % 35
                values.append(Int32(place < 45 ? ordinary : place % 5))
            }
        }
        return try ArrayDataset([("tokens", [length], .int32(values))])
    }

    private func field(_ dataset: some Dataset, _ sample: Int, _ field: Int, epoch: Int = 0) throws -> [Int32]
    {
        let capacity = dataset.fields[field].sampleShape[0]
        return try [Int32](unsafeUninitializedCapacity: capacity) { buffer, count in
            try dataset.write(
                sample: sample, field: field, epoch: epoch, to: UnsafeMutableRawPointer(buffer.baseAddress!))
            count = capacity
        }
    }

    @Test func sharesAreBERTs() throws {
        let texts = try texts()
        let masked = try MaskedTokens(texts, vocabulary, seed: 3, variesByEpoch: true)
        // 0.15 · 50 and twice its deviation of 2.5.
        #expect(masked.fields.map(\.sampleShape) == [[length], [13], [13]])
        var (all, chosen, hidden, kept, full) = (0, 0, 0, 0, 0)
        for sample in 0..<masked.count {
            let original = try field(SubsetDataset(texts, indices: [sample]), 0, 0)
            let (tokens, places) = (try field(masked, sample, 0), try field(masked, sample, 1))
            let targets = try field(masked, sample, 2)
            let count = targets.firstIndex(of: -100) ?? targets.count
            #expect(targets[count...].allSatisfy { $0 == -100 } && places[count...].allSatisfy { $0 == 0 })
            let own = places[..<count].map(Int.init)
            #expect(own == own.sorted() && Set(own).count == count)
            for place in 0..<length {
                if original[place] >= 5 { all += 1 }
                guard let number = own.firstIndex(of: place) else {
                    #expect(tokens[place] == original[place])
                    continue
                }
                #expect(targets[number] == original[place] && original[place] >= 5)
                #expect(tokens[place] == 4 || tokens[place] >= 5)
                chosen += 1
                hidden += tokens[place] == 4 ? 1 : 0
                kept += tokens[place] == original[place] ? 1 : 0
            }
            full += count == 13 ? 1 : 0
        }
        #expect(full > 0 && full < 20)
        #expect(abs(Double(chosen) / Double(all) - 0.15) < 0.01)
        #expect(abs(Double(hidden) / Double(chosen) - 0.8) < 0.03)
        // One of 35 drawn tokens is the old one.
        #expect(abs(Double(kept) / Double(chosen) - 0.1 - 0.1 / 35) < 0.03)
    }

    @Test func epochsSeedsAndSamplesDiffer() throws {
        let training = try MaskedTokens(try texts(), vocabulary, seed: 3, variesByEpoch: true)
        #expect(try field(training, 7, 1, epoch: 2) == field(training, 7, 1, epoch: 2))
        #expect(try field(training, 7, 1, epoch: 2) != field(training, 7, 1, epoch: 3))
        let other = try MaskedTokens(try texts(), vocabulary, seed: 4, variesByEpoch: true)
        #expect(try field(training, 7, 1) != field(other, 7, 1))
        let evaluation = try MaskedTokens(try texts(), vocabulary, seed: 3, variesByEpoch: false)
        #expect(try field(evaluation, 7, 1, epoch: 2) == field(evaluation, 7, 1, epoch: 5))
        let places = try (0..<20).map { sample in
            try field(training, sample, 1)
        }
        #expect(Set(places).count == 20)
        #expect(training.variesByEpoch && !evaluation.variesByEpoch)
    }

    @Test func numbersCannotBeMasked() throws {
        let numbers = try ArrayDataset(features: [[1, 2]], labels: [0])
        #expect(throws: LockstepError.self) {
            try MaskedTokens(numbers, vocabulary, seed: 0, variesByEpoch: false)
        }
    }
}
