/// The names of classes, with numbers standing in for missing ones.
struct ClassNames {
    private let names: [String]

    init(_ names: [String], count: Int) {
        self.names = (0..<count).map { $0 < names.count ? names[$0] : String($0) }
    }

    subscript(label: Int) -> String { names[label] }

    /// The length of the longest name, in Unicode scalars as Python counts.
    var width: Int { names.map { $0.unicodeScalars.count }.max() ?? 0 }
}

extension String {
    /// The text moved to the right of a column of `width` Unicode scalars.
    func padded(to width: Int) -> String {
        String(repeating: " ", count: max(0, width - unicodeScalars.count)) + self
    }
}
