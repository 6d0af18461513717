//! Which name was meant?

/// The name nearest to `wanted`, if any is near enough to be a slip of the finger.
pub fn nearest<'n>(wanted: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let wanted = wanted.to_lowercase();
    let limit = 1 + wanted.chars().count() / 3;
    let distances = names.map(|name| (distance(&wanted, &name.to_lowercase()), name));
    distances.filter(|(distance, _)| *distance <= limit).min_by_key(|(distance, _)| *distance).map(|(_, name)| name)
}

/// How many characters have to be added, removed, replaced, or swapped with their neighbour.
fn distance(one: &str, other: &str) -> usize {
    let (one, other): (Vec<char>, Vec<char>) = (one.chars().collect(), other.chars().collect());
    let mut above: Vec<usize> = Vec::new();
    let mut previous: Vec<usize> = (0..=other.len()).collect();
    for (row, &from) in one.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &to) in other.iter().enumerate() {
            let replaced = previous[column] + usize::from(from != to);
            let mut least = replaced.min(previous[column + 1] + 1).min(current[column] + 1);
            if row > 0 && column > 0 && from == other[column - 1] && one[row - 1] == to {
                least = least.min(above[column - 1] + 1);
            }
            current.push(least);
        }
        above = std::mem::replace(&mut previous, current);
    }
    previous[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_recognized_and_other_words_are_not() {
        let names = ["tour", "udp-echo", "tcp-echo", "handshake", "half-close"];
        let meant = |wanted| nearest(wanted, names.into_iter());
        assert_eq!(meant("tuor"), Some("tour"));
        assert_eq!(meant("Tour"), Some("tour"));
        assert_eq!(meant("udpecho"), Some("udp-echo"));
        assert_eq!(meant("handshakes"), Some("handshake"));
        assert_eq!(meant("halfclose"), Some("half-close"));
        assert_eq!(meant("frobnicate"), None);
        assert_eq!(meant(""), None);
    }
}
