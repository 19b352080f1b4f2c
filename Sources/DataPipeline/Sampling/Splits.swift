import Diagnostics

/// The rows of a table by their purpose, each list ascending.
public struct DataSplit: Sendable, Equatable {
    /// Rows that parameters, vocabulary and scales learn from.
    public var train: [Int]
    /// Rows that choose the best checkpoint.
    public var validation: [Int]
    /// Rows that are only measured.
    public var test: [Int]

    /// Creates a split of given rows.
    public init(train: [Int], validation: [Int] = [], test: [Int] = []) {
        self.train = train
        self.validation = validation
        self.test = test
    }
}

/// Ways to split the rows of a table: pure functions of their arguments, equal on every rank.
public enum Splits {
    /// Random parts by size. Fractions that do not add up to 1 leave rows out.
    /// - Parameter groups: a class for each row, to give every part each class in proportion.
    /// - Throws: 65 for a part that was asked for and is empty, or without training rows; 2 for bad
    ///   fractions.
    public static func byFraction(
        rowCount: Int, train: Double, validation: Double = 0, test: Double = 0, seed: UInt64,
        groups: [Int32]? = nil
    ) throws -> DataSplit {
        let fractions = [train, validation, test]
        guard fractions.allSatisfy({ $0 >= 0 && $0 <= 1 }), fractions.reduce(0, +) <= 1 + 1e-9 else {
            throw LockstepError(
                .usage, "the fractions \(train), \(validation) and \(test) cannot be",
                remedy: "use fractions from 0 to 1 that add up to at most 1")
        }
        let order = try shuffledRows(rowCount, seed: seed, groups: groups)
        var partOfRow = Array(repeating: 0, count: rowCount)
        // Each group is cut at the same fractions, so every part holds it in proportion.
        for part in runs(order, groups) {
            let bounds = [train, train + validation, train + validation + test].map {
                part.lowerBound + Int((min(1, $0) * Double(part.count)).rounded())
            }
            for position in part {
                partOfRow[order[position]] = bounds.firstIndex { position < $0 } ?? 3
            }
        }
        let parts = (0..<3).map { part in (0..<rowCount).filter { partOfRow[$0] == part } }
        for (part, name) in ["training", "validation", "test"].enumerated() {
            try check(parts[part], isWanted: part == 0 || fractions[part] > 0, name)
        }
        return DataSplit(train: parts[0], validation: parts[1], test: parts[2])
    }

    /// Parts that the user names by row number, counted from 0 without the header.
    /// - Throws: 65 for an empty range or one beyond the table; 2 for ranges that overlap.
    public static func byRange(
        rowCount: Int, train: Range<Int>, validation: Range<Int>? = nil, test: Range<Int>? = nil
    ) throws -> DataSplit {
        let ranges = [("training", train), ("validation", validation), ("test", test)].compactMap {
            name, range in
            range.map { (name: name, range: $0) }
        }
        for (position, (name, range)) in ranges.enumerated() {
            try check(range, isWanted: true, name)
            guard range.lowerBound >= 0, range.upperBound <= rowCount else {
                throw LockstepError(
                    .badData,
                    "the \(name) split ends at row \(range.upperBound) but the data has \(rowCount) rows",
                    remedy: "rows are counted from 0, without the header")
            }
            for other in ranges[..<position] where other.range.overlaps(range) {
                throw LockstepError(
                    .usage, "the \(name) split shares rows with the \(other.name) split",
                    remedy: "give each split its own rows")
            }
        }
        return DataSplit(
            train: Array(train), validation: validation.map { Array($0) } ?? [],
            test: test.map { Array($0) } ?? [])
    }

    /// Parts by file of one source, each a list of file numbers.
    /// - Throws: 65 for a source without a training file; 2 for a file that does not exist or has two
    ///   purposes.
    public static func byFile(
        _ source: CSVSource, train: [Int], validation: [Int] = [], test: [Int] = []
    ) throws -> DataSplit {
        let numbers = train + validation + test
        guard Set(numbers).count == numbers.count, numbers.allSatisfy(source.files.indices.contains) else {
            throw LockstepError(
                .usage, "a data file has two purposes, or does not exist",
                remedy: "give each file one purpose")
        }
        func rows(_ files: [Int]) -> [Int] { files.sorted().flatMap { source.rows(ofFile: $0) } }
        try check(train, isWanted: true, "training")
        return DataSplit(train: rows(train), validation: rows(validation), test: rows(test))
    }

    /// One fold of a cross-validation: fold `number` of 1...`count` is the validation split, the others
    /// train. Each row is validated in exactly one fold, and folds differ in size by at most one.
    /// - Parameter groups: a class for each row, for folds in which each class is as frequent as overall.
    /// - Throws: 65 for fewer rows than folds; 2 for a fold number that does not exist.
    public static func fold(
        _ number: Int, of count: Int, rowCount: Int, seed: UInt64, groups: [Int32]? = nil
    ) throws -> DataSplit {
        guard count >= 2, (1...count).contains(number) else {
            throw LockstepError(
                .usage, "there is no fold \(number) of \(count)",
                remedy: "use at least 2 folds, counted from 1")
        }
        guard rowCount >= count else {
            throw LockstepError(
                .badData, "\(rowCount) rows cannot be cut into \(count) folds", remedy: "use fewer")
        }
        // Dealing the shuffled rows like cards, class after class, keeps both the classes and the sizes
        // balanced.
        var isHeldOut = Array(repeating: false, count: rowCount)
        for (position, row) in try shuffledRows(rowCount, seed: seed, groups: groups).enumerated() {
            isHeldOut[row] = position % count == number - 1
        }
        return DataSplit(
            train: (0..<rowCount).filter { !isHeldOut[$0] },
            validation: (0..<rowCount).filter { isHeldOut[$0] })
    }

    /// All rows in random order; with groups, group after group.
    private static func shuffledRows(_ rowCount: Int, seed: UInt64, groups: [Int32]?) throws -> [Int] {
        // No epoch of training is negative: splitting never shares an order with one.
        let permutation = Permutation(count: rowCount, seed: seed, epoch: -1)
        let order = (0..<rowCount).map { permutation[$0] }
        guard let groups else { return order }
        guard groups.count == rowCount else {
            throw LockstepError(.internalError, "\(groups.count) groups for \(rowCount) rows")
        }
        let keyed = order.enumerated().sorted {
            (groups[$0.element], $0.offset) < (groups[$1.element], $1.offset)
        }
        return keyed.map(\.element)
    }

    /// The stretches of equal group in a grouped order; one stretch without groups.
    private static func runs(_ order: [Int], _ groups: [Int32]?) -> [Range<Int>] {
        guard let groups else { return [0..<order.count] }
        var starts = order.indices.filter { $0 == 0 || groups[order[$0]] != groups[order[$0 - 1]] }
        starts.append(order.count)
        return zip(starts, starts.dropFirst()).map { $0..<$1 }
    }

    private static func check(_ rows: some Collection<Int>, isWanted: Bool, _ name: String) throws {
        guard rows.isEmpty, isWanted else { return }
        throw LockstepError(
            .badData, "the \(name) split has no rows", remedy: "give it a larger part, or use more data")
    }
}
