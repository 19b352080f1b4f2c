import Diagnostics

/// How often each class was taken for each class.
public struct ConfusionMatrix: Codable, Sendable, Equatable {
    /// The number of classes.
    public let classCount: Int
    /// Sample counts, row-major `[true class, predicted class]`.
    public private(set) var counts: [Int]

    /// Creates a matrix of zeros; the class count lies in ``ClassificationMetrics/classCounts``.
    init(classCount: Int) {
        self.classCount = classCount
        counts = [Int](repeating: 0, count: classCount * classCount)
    }

    /// Reads a matrix, checking that it is square and counts nothing negative.
    public init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: CodingKeys.self)
        classCount = try container.decode(Int.self, forKey: .classCount)
        counts = try container.decode([Int].self, forKey: .counts)
        let plausible = 0...1 << 40
        guard ClassificationMetrics.classCounts.contains(classCount),
            counts.count == classCount * classCount, counts.allSatisfy(plausible.contains)
        else { throw LockstepError(.badData, "these are not the counts of a confusion matrix") }
    }

    /// Counts a sample; both classes lie in `0..<classCount`.
    mutating func add(truth: Int, predicted: Int) {
        counts[truth * classCount + predicted] += 1
    }

    /// Adds the counts of a matrix of the same size.
    mutating func merge(_ other: ConfusionMatrix) {
        for index in counts.indices { counts[index] += other.counts[index] }
    }

    /// How many samples of class `truth` were predicted as `predicted`.
    public subscript(truth: Int, predicted: Int) -> Int { counts[truth * classCount + predicted] }

    /// How many samples have the true class `label`.
    public func support(of label: Int) -> Int {
        (0..<classCount).reduce(0) { $0 + self[label, $1] }
    }

    /// How many samples were predicted as class `label`.
    public func predictedCount(of label: Int) -> Int {
        (0..<classCount).reduce(0) { $0 + self[$1, label] }
    }

    /// How many samples were predicted rightly.
    public var correctCount: Int { (0..<classCount).reduce(0) { $0 + self[$1, $1] } }

    /// How many samples were counted.
    public var total: Int { counts.reduce(0, +) }

    /// The matrix as an aligned table: a row a true class, a column a predicted class.
    ///
    /// - Parameter classNames: names by class number; a class without one is shown by its number.
    public func text(classNames: [String] = []) -> String {
        let names = ClassNames(classNames, count: classCount)
        let corner = "true \\ predicted"
        let nameWidth = max(names.width, corner.count)
        var lines = [corner.padded(to: nameWidth)]
        for column in 0..<classCount {
            lines[0] += " " + names[column].padded(to: columnWidth(column, names))
        }
        for row in 0..<classCount {
            var line = names[row].padded(to: nameWidth)
            for column in 0..<classCount {
                line += " " + String(self[row, column]).padded(to: columnWidth(column, names))
            }
            lines.append(line)
        }
        return lines.joined(separator: "\n") + "\n"
    }

    private func columnWidth(_ column: Int, _ names: ClassNames) -> Int {
        let widest = (0..<classCount).map { String(self[$0, column]).count }.max() ?? 0
        return max(widest, names[column].unicodeScalars.count) + 1
    }
}
