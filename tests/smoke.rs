mod common;
use common::*;
use modbtree::*;
use std::collections::BTreeMap;

fn key(r: &mut Rng, style: usize) -> Vec<u8> {
    match style {
        0 => format!("{:06}", r.below(400)).into_bytes(),
        1 => format!("{}{:05}", "prefix/".repeat(1 + r.below(30)), r.below(300)).into_bytes(),
        2 => {
            let n = r.below(900);
            let mut k = vec![b'a' + r.below(3) as u8; n];
            k.extend(format!("{}", r.below(5)).bytes());
            k
        }
        _ => {
            let n = r.below(20);
            r.bytes(n)
        }
    }
}

#[test]
fn model() {
    let dir = work_dir("smoke");
    let mut files = vec![];
    for seed in 0..120u64 {
        let mut r = Rng::new(seed + 1);
        let psize = [512, 1024, 4096, 514, 65536][r.below(5)];
        let style = r.below(4);
        let maxv = [8, 60, 300, 3000][r.below(4)];
        let order = if r.below(3) == 0 { Some(Order::Big) } else { None };
        let options = Options {
            page_size: psize,
            min_keys: [0, 2, 3, 8, 100][r.below(5)],
            cache_size: [0, 20000][r.below(2)],
            order,
            duplicates: false,
        };
        let mut file = VecStorage::default();
        let mut model = BTreeMap::new();
        for _ in 0..4 {
            let mut db = Db::open(&mut file, HeapMemory, &options).unwrap();
            for step in 0..700 {
                let k = key(&mut r, style);
                match r.below(10) {
                    0..=5 => {
                        let n = r.below(maxv);
                        let v = r.bytes(n);
                        assert!(db.put(&k, &v, true).unwrap());
                        model.insert(k, v);
                    }
                    6..=8 => {
                        let k = if r.below(2) == 0 {
                            k
                        } else {
                            model.range(k.clone()..).next().map(|x| x.0.clone()).unwrap_or(k)
                        };
                        assert_eq!(
                            db.delete(&k).unwrap(),
                            model.remove(&k).is_some(),
                            "seed {seed} step {step}"
                        );
                    }
                    _ => {
                        assert_eq!(db.get_vec(&k).unwrap(), model.get(&k).cloned(), "seed {seed} step {step}")
                    }
                }
                if r.below(100) == 0 {
                    db.flush().unwrap();
                }
            }
            if r.below(3) == 0 {
                let ks: Vec<_> = model.keys().cloned().collect();
                for k in ks {
                    if r.below(20) > 0 {
                        assert!(db.delete(&k).unwrap());
                        model.remove(&k);
                    }
                }
            }
            assert_eq!(db.count().unwrap() as usize, model.len());
            db.flush().unwrap();
            let mut c = Cursor::new(HeapMemory);
            let got: Vec<_> = db.iter(&mut c).map(|x| x.unwrap()).collect();
            let want: Vec<_> = model.iter().map(|(k, v)| (k.clone(), v.clone())).collect();
            assert!(got == want, "seed {seed}");
            c.seek(Where::Last, b"").unwrap();
            let mut back = vec![];
            while let Some((k, v)) = db.step(&mut c, true).unwrap() {
                back.push((db.to_vec(&k).unwrap(), db.to_vec(&v).unwrap()));
            }
            back.reverse();
            assert!(back == want, "seed {seed}");
            drop(db);
            let path = dir.join(format!("{seed}-{}.db", files.len()));
            std::fs::write(&path, &file.bytes).unwrap();
            files.push(path);
        }
    }
    bdbcheck(&[], &files);
}
