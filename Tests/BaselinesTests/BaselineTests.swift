import Baselines
import DataPipeline
import Diagnostics
import Foundation
import Metrics
import Testing

/// What `Recording/record.py` recorded from scikit-learn.
private struct Recorded: Decodable {
    struct Classification: Decodable {
        var classes: Int
        var features: [[Float]]
        var labels: [Int32]
        var scores: [Float]
    }
    struct Regression: Decodable {
        var features: [[Float]]
        var targets: [Float]
        var scores: [Float]
    }
    var classifications: [Classification]
    var regressions: [Regression]
    var texts: [String]
    var words: [[String]]
}

/// Texts with classes; tokens are what a model would read, and not what a bag of words does.
private struct TextSamples: Dataset {
    let texts: [String]
    let labels: [Int32]
    var count: Int { texts.count }
    let fields = [
        FieldSpec(name: "tokens", sampleShape: [4], element: .int32),
        FieldSpec(name: "label", sampleShape: [], element: .int32),
    ]
    var isResident: Bool { false }

    func write(sample index: Int, field: Int, to destination: UnsafeMutableRawPointer) {
        if field == 1 { destination.storeBytes(of: labels[index], as: Int32.self) }
    }
    func describe(sample index: Int) -> String { "text \(index)" }
    func text(sample index: Int) -> String? { texts[index] }
}

@Suite struct BaselineTests {
    private let recorded: Recorded

    init() throws {
        let path = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
            .appendingPathComponent("Recording/recorded.json")
        recorded = try JSONDecoder().decode(Recorded.self, from: Data(contentsOf: path))
    }

    private func matrix(_ rows: [[Float]]) -> FeatureMatrix {
        var matrix = FeatureMatrix(featureCount: rows[0].count)
        for row in rows { matrix.append(row) }
        return matrix
    }

    /// Both end near the one minimum there is, each within its own tolerance.
    private func isNear(_ left: [Float], _ right: [Float], _ tolerance: Float) -> Bool {
        left.count == right.count && zip(left, right).allSatisfy { abs($0 - $1) <= tolerance }
    }

    @Test func logisticRegressionEqualsScikitLearns() throws {
        for wanted in recorded.classifications {
            let rows = matrix(wanted.features)
            let targets: LinearModel.Targets =
                wanted.classes == 2 ? .binary(wanted.labels) : .classes(wanted.labels, count: wanted.classes)
            let scores = LinearModel(rows, targets).scores(rows)
            #expect(
                isNear(scores, wanted.scores, 2e-3), "\(zip(scores, wanted.scores).map { $0 - $1 }.max()!)")
        }
    }

    @Test func ridgeRegressionEqualsScikitLearns() throws {
        for wanted in recorded.regressions {
            let rows = matrix(wanted.features)
            let scores = LinearModel(rows, .numbers(wanted.targets)).scores(rows)
            #expect(isNear(scores, wanted.scores, 2e-3))
        }
    }

    @Test func wordsEqualScikitLearns() {
        for (text, words) in zip(recorded.texts, recorded.words) {
            #expect(BagOfWords.words(text).sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) } == words)
        }
        let bag = BagOfWords(["one two two", "three"])
        #expect(bag.wordCount == 3)
        let counts = bag.counts("two three two four")
        #expect(counts.map(\.column) == [1, 2] && counts.map(\.value) == [1, 2])
    }

    @Test func textsAreToldApartByTheirWords() throws {
        let train = TextSamples(
            texts: (0..<40).map { $0 % 2 == 0 ? "good film \($0)" : "bad film \($0)" },
            labels: (0..<40).map { Int32($0 % 2) })
        let test = TextSamples(texts: ["a good one", "so bad", "bad bad"], labels: [0, 1, 1])
        let baseline = try ClassicalBaseline(
            training: train, test: test, task: .binaryClassification, classCount: 2)
        #expect(baseline.name == "bag of words + logistic regression")
        #expect(baseline.result.accuracy == 1 && baseline.result.count == 3)
        #expect(baseline.result.loss > 0 && baseline.result.loss < 0.5)
        #expect(baseline.trainingCount == 40)
    }

    /// A column a thousand times larger than the other does not hide it: both are brought to one scale.
    @Test func featuresAreScaled() throws {
        func samples(_ range: Range<Int>) throws -> ArrayDataset {
            try ArrayDataset(
                features: range.map { [Float($0 * 7919 % 1000), $0 % 2 == 0 ? 0.001 : 0.002, 5] },
                labels: range.map { Int32($0 % 2) })
        }
        let baseline = try ClassicalBaseline(
            training: try samples(0..<60), test: try samples(60..<80), task: .classification, classCount: 2)
        #expect(baseline.result.accuracy == 1 && baseline.name == "features + logistic regression")
    }

    @Test func numbersAreRegressed() throws {
        let features: [Float] = (0..<30).map { Float($0 % 10) }
        let data = try ArrayDataset([
            ("features", [1], .float32(features)), ("label", [], .float32(features.map { 100 - 3 * $0 })),
        ])
        let baseline = try ClassicalBaseline(
            training: data, test: data, task: .regression, classCount: 1)
        #expect(baseline.name == "features + ridge regression")
        #expect(try #require(baseline.result.r2) > 0.99)
    }

    @Test func tokensWithoutTextAreRefused() throws {
        let tokens = try ArrayDataset([
            ("tokens", [2], .int32([1, 2, 3, 4])), ("label", [], .int32([0, 1])),
        ])
        #expect(throws: LockstepError.self) {
            try ClassicalBaseline(training: tokens, test: tokens, task: .classification, classCount: 2)
        }
        let many = try ArrayDataset([("tokens", [2], .int32([1, 2])), ("next", [2], .int32([2, 3]))])
        #expect(throws: LockstepError.self) {
            try ClassicalBaseline(training: many, test: many, task: .classification, classCount: 4)
        }
    }
}

@Suite struct GradientHistogramTests {
    /// Stripes across the picture, at a distance of four pixels, beginning anywhere.
    private func stripes(_ isUpright: Bool, _ shift: Int, side: Int = 32) -> [Float] {
        (0..<(side * side)).map { place in
            let along = isUpright ? place % side : place / side
            return (along + shift) / 4 % 2 == 0 ? 0 : 1
        }
    }

    private func features(_ picture: [Float], side: Int = 32) throws -> [Float] {
        let histograms = try #require(GradientHistograms(channelCount: 1, height: side, width: side))
        let features = picture.withUnsafeBufferPointer { histograms.features($0.baseAddress!) }
        #expect(features.count == histograms.featureCount)
        return features
    }

    @Test func directionsCountAndPlacesHardly() throws {
        let upright = try features(stripes(true, 0))
        // 4 x 4 cells make 3 x 3 blocks of 4 cells with 9 directions each.
        #expect(upright.count == 3 * 3 * 4 * 9)
        // Upright stripes have gradients across, which is direction 0, and no others.
        let directions = (0..<9).map { direction in
            stride(from: direction, to: upright.count, by: 9).reduce(Float(0)) { $0 + upright[$1] }
        }
        #expect(directions[0] > 10 && directions[1...].allSatisfy { abs($0) < 1e-3 }, "\(directions)")
        func product(_ left: [Float], _ right: [Float]) -> Float {
            zip(left, right).reduce(0) { $0 + $1.0 * $1.1 }
        }
        let shifted = try features(stripes(true, 2))
        let lying = try features(stripes(false, 0))
        #expect(product(upright, shifted) > 0.9 * product(upright, upright))
        #expect(product(upright, lying) < 0.01 * product(upright, upright))
    }

    @Test func largePicturesAreHalvedAndTinyOnesHaveNone() throws {
        #expect(GradientHistograms(channelCount: 3, height: 128, width: 128)?.featureCount == 7 * 7 * 36)
        #expect(GradientHistograms(channelCount: 1, height: 28, width: 28)?.featureCount == 6 * 6 * 36)
        #expect(GradientHistograms(channelCount: 1, height: 7, width: 30) == nil)
    }
}
