//! The network options of `chiton run`: from words to cards and to what the kernel is told.
//!
//! | module | holds |
//! |---|---|
//! | `address` | addresses with prefixes, rules of the packet filter |
//! | `card` | one `--network`: its kind and its addresses |
//! | `user` | QEMU's own network |
//! | `passt` | passt's network |
//! | `shared` | networks of several machines, written down |
//! | `verb`, `subnets`, `tools` | `chiton network`, the subnets of new ones, and the programs that it uses |
//! | `publish` | `-p`: ports of the host that lead into the guest |
//!
//! Nothing here adds a card unless an option asks for one: a program without a network pays nothing for it.

mod address;
mod card;
mod passt;
mod publish;
mod shared;
mod subnets;
mod tools;
mod user;
mod verb;

use std::net::IpAddr;

use clap::Args;
use machine::{Backend, Card, KernelLine, MOST_CARDS, Mac};

use crate::arguments::MachineChoice;
use crate::failure::Failure;
use address::Interface;
use card::{CardPlan, Way};
use passt::{Passt, Running};
use publish::{Lead, Ports, Publish};
use shared::Shared;
pub(crate) use verb::{NetworkVerb, network};

/// The network. Each of these options but `--network none` gives the machine a network card.
#[derive(Debug, Default, Args)]
#[command(next_help_heading = "Network")]
pub(crate) struct NetworkArgs {
    /// Publish a port of the machine on this one: on 127.0.0.1, unless ADDRESS says another (0.0.0.0 is all). No HOST, or 0, is
    /// any free port, which is told. Both may be ranges (8000-8003:80-83).
    #[arg(short, long, value_name = "[ADDRESS:][HOST:]GUEST[/udp]")]
    pub(crate) publish: Vec<String>,
    /// Always refused: a program does not say which ports it listens on.
    #[arg(short = 'P', long, hide = true)]
    pub(crate) publish_all: bool,
    /// Add a network card; repeat it for more. user is QEMU's own network and needs no rights, NAME
    /// one of chiton network create; options of this card follow
    /// after commas (user,ip=10.0.2.20,mac=52:54:00:12:34:56).
    #[arg(long, value_name = "user|tap[:NAME]|passt|socket:OPTION=VALUE|NAME|none")]
    pub(crate) network: Vec<String>,
    /// Ethernet address of the first card.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) mac: Option<String>,
    /// Bytes of the longest packet of the first card, for networks that take more or less than 1500.
    #[arg(long, value_name = "BYTES")]
    pub(crate) mtu: Option<String>,
    /// An address of the first card, in the place of DHCP; once for IPv4, and for IPv6.
    #[arg(long, value_name = "ADDRESS[/PREFIX]")]
    pub(crate) ip: Vec<String>,
    /// Where the first card sends what is not for its own network.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) gateway: Vec<String>,
    /// Whom to ask for names.
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) nameserver: Vec<IpAddr>,
    /// Let the machine connect to these addresses only (and to none that --deny names). PORT may be a range.
    #[arg(long, value_name = "ADDRESS[/PREFIX][:PORT]")]
    pub(crate) allow: Vec<String>,
    /// Do not let the machine connect to these addresses.
    #[arg(long, value_name = "ADDRESS[/PREFIX][:PORT]")]
    pub(crate) deny: Vec<String>,
}

/// The network of a machine, ready to be started.
#[derive(Debug, Default)]
pub(crate) struct Network {
    pub(crate) cards: Vec<Card>,
    /// What is told: ports that were not the user's choice.
    pub(crate) chosen: Vec<String>,
    /// What `--verbose` tells.
    pub(crate) notes: Vec<String>,
    tokens: Vec<String>,
    nameservers: Vec<String>,
    allow: Vec<String>,
    deny: Vec<String>,
    ports: Ports,
    passts: Vec<Passt>,
}

impl NetworkArgs {
    fn is_empty(&self) -> bool {
        self.network.is_empty() && self.says_nothing_more()
    }

    /// Whether there is no option but `--network`.
    fn says_nothing_more(&self) -> bool {
        let lists = [&self.publish, &self.ip, &self.gateway, &self.allow, &self.deny];
        lists.iter().all(|list| list.is_empty())
            && self.mac.is_none()
            && self.mtu.is_none()
            && self.nameserver.is_empty()
    }

    /// Makes the network that the options describe. Published ports are held until the result is dropped.
    ///
    /// # Errors
    /// An option is wrong, contradicts another one, or asks for what this machine does not have.
    pub(crate) fn network(&self, board: MachineChoice, kvm: bool, hostname: Option<&str>) -> Result<Network, Failure> {
        if self.publish_all {
            let cause = "-P has nothing to go by: a program does not say beforehand which ports it listens on";
            return Err(Failure::other(cause, "Publish each with -p"));
        }
        if self.is_empty() {
            return Ok(Network::default());
        }
        let plans = self.plans()?;
        if plans.is_empty() {
            return Ok(Network::default());
        }
        if !matches!(board, MachineChoice::Microvm) {
            let board = format!("{board:?}").to_lowercase();
            let cause = format!("the board {board} has its network cards on PCI, which Chiton does not know yet");
            return Err(Failure::other(cause, "Leave out --machine, or the network options"));
        }
        let mut network = Network::default();
        for text in &self.publish {
            network.ports.take(&Publish::parse(text)?)?;
        }
        network.allow = rules(&self.allow)?;
        network.deny = rules(&self.deny)?;
        network.nameservers = self.nameserver.iter().map(IpAddr::to_string).collect();
        let publisher = plans.iter().position(|plan| matches!(plan.way, Way::User | Way::Passt));
        if publisher.is_none() && !self.publish.is_empty() {
            let cause = "-p needs a card with --network user or passt: on another network the machine has an address of its own";
            return Err(Failure::other(cause, "Connect to that address, or add --network user"));
        }
        for (index, plan) in plans.iter().enumerate() {
            let leads = if publisher == Some(index) {
                network.ports.leads.clone()
            } else {
                Vec::new()
            };
            let host = Host {
                kvm,
                hostname: hostname.unwrap_or_default(),
            };
            network.add(plan, &leads, self.nameserver.is_empty(), host)?;
        }
        Ok(network)
    }

    /// The cards on paper.
    fn plans(&self) -> Result<Vec<CardPlan>, Failure> {
        let words = self.network.iter().map(|text| CardPlan::parse(text));
        let words = words.collect::<Result<Vec<_>, _>>()?;
        if words.contains(&None) {
            if words.len() > 1 || !self.says_nothing_more() {
                let cause = "--network none takes back what the other network options ask for";
                return Err(Failure::other(cause, "Leave it out, or the others"));
            }
            return Ok(Vec::new());
        }
        let mut plans: Vec<CardPlan> = words.into_iter().flatten().collect();
        if plans.is_empty() {
            plans.push(CardPlan::new(Way::User));
        }
        if plans.len() > MOST_CARDS {
            let cause = format!("{} network cards are more than the board has places for", plans.len());
            return Err(Failure::other(cause, format!("Give {MOST_CARDS} at the most")));
        }
        let first = &mut plans[0];
        self.ip.iter().try_for_each(|text| first.address(text))?;
        self.gateway.iter().try_for_each(|text| first.gateway(text))?;
        self.mac.iter().try_for_each(|text| first.mac(text))?;
        if let Some(text) = &self.mtu {
            first.mtu = Some(card::mtu(text)?);
        }
        Ok(plans)
    }
}

impl Network {
    /// Gives the published ports free for QEMU, and starts what it connects to. That ends when the result is dropped.
    ///
    /// # Errors
    /// Something does not start.
    pub(crate) fn start(self) -> Result<Vec<Running>, Failure> {
        let Network { ports, passts, .. } = self;
        drop(ports);
        passts.iter().map(Passt::start).collect()
    }

    /// The commands that have to be started first when QEMU is started by hand.
    pub(crate) fn before(&self) -> Vec<String> {
        self.passts.iter().map(Passt::line).collect()
    }

    /// Tells the kernel.
    pub(crate) fn tell(&self, line: &mut KernelLine) {
        line.net = self.tokens.clone();
        line.nameservers = self.nameservers.clone();
        line.net_allow = self.allow.clone();
        line.net_deny = self.deny.clone();
    }

    /// A card on a network of several machines.
    fn share(
        &mut self,
        plan: &CardPlan,
        shared: &Shared,
        own_names: bool,
        host: Host<'_>,
    ) -> Result<(String, Backend), Failure> {
        let script = shared.connect()?;
        let mut plan = plan.clone();
        let given = plan.addresses.iter().map(|address| shared.own(*address));
        plan.addresses = given.collect::<Result<_, _>>()?;
        if plan.addresses.is_empty() {
            plan.addresses = shared.addresses(host.hostname);
            let note = |own: &Interface| format!("the machine has the address {}", own.address);
            self.notes.extend(plan.addresses.iter().map(note));
        }
        let ways = plan.addresses.iter().filter_map(|own| shared.way_out(own.address));
        let gateways: Vec<IpAddr> = ways.collect();
        let nameservers: Vec<IpAddr> = shared.knows_names().filter(|_| own_names).into_iter().collect();
        let token = plan.token(&gateways, &nameservers)?;
        Ok((token, card::tap(None, Some(script), host.kvm)?))
    }

    fn add(&mut self, plan: &CardPlan, leads: &[Lead], own_names: bool, host: Host<'_>) -> Result<(), Failure> {
        let number = self.cards.len();
        let (token, backend) = match &plan.way {
            Way::User => user::plan(plan, leads, own_names)?,
            Way::Tap(name) => (plan.token(&[], &[])?, card::tap(name.as_deref(), None, host.kvm)?),
            Way::Passt => {
                let passt = Passt::plan(plan, leads, number)?;
                let backend = Backend::Stream(passt.socket());
                self.passts.push(passt);
                (plan.token(&[], &[])?, backend)
            }
            Way::Shared(shared) => self.share(plan, shared, own_names, host)?,
            Way::Socket(options) => (plan.token(&[], &[])?, Backend::Socket(options.clone())),
        };
        let mac = plan.mac.unwrap_or_else(|| match &plan.way {
            // Nobody else is on this network.
            Way::User | Way::Passt => Mac([0x52, 0x54, 0, 0x12, 0x34, 0x56 + u8::try_from(number).unwrap_or(0)]),
            Way::Tap(Some(name)) => Mac::of_name(name),
            Way::Tap(None) | Way::Socket(_) | Way::Shared(_) => {
                Mac::of_name(&format!("{}.{number}", std::process::id()))
            }
        });
        let (chosen, known): (Vec<&Lead>, Vec<&Lead>) = leads.iter().partition(|lead| lead.is_chosen);
        self.chosen.extend(chosen.into_iter().map(Lead::to_string));
        self.notes.extend(known.into_iter().map(Lead::to_string));
        self.tokens.push(token);
        let mtu = mtu_of(plan)?;
        self.cards.push(Card { backend, mac, mtu });
        Ok(())
    }
}

/// How long packets of a card are, if that is not as usual; what it is connected to must take them.
fn mtu_of(plan: &CardPlan) -> Result<Option<u16>, Failure> {
    const USUAL: u16 = 1500;
    match (&plan.way, plan.mtu) {
        (Way::User, Some(mtu)) if mtu > USUAL => Err(Failure::other(
            format!("QEMU's own network takes packets of {USUAL} bytes, and {mtu} are asked for"),
            "Give less, or use a TAP interface or chiton network",
        )),
        (Way::Tap(Some(name)), Some(mtu)) => card::takes(name, mtu).map(|()| Some(mtu)),
        (Way::Shared(shared), Some(mtu)) if mtu > shared.mtu.unwrap_or(USUAL) => {
            let most = shared.mtu.unwrap_or(USUAL);
            Err(Failure::other(
                format!("the network takes packets of {most} bytes, and {mtu} are asked for"),
                format!("Make another one with chiton network create --mtu {mtu}"),
            ))
        }
        (Way::Shared(shared), None) => Ok(shared.mtu),
        (_, mtu) => Ok(mtu),
    }
}

/// What a card has to know of the host and the rest of the machine.
#[derive(Clone, Copy)]
struct Host<'a> {
    kvm: bool,
    hostname: &'a str,
}

fn rules(texts: &[String]) -> Result<Vec<String>, Failure> {
    let mut list = Vec::new();
    for text in texts {
        let Some(rules) = address::rules(text) else {
            let is_name = text.bytes().any(|byte| byte.is_ascii_alphabetic()) && text.matches(':').count() < 2;
            let (why, cure) = if is_name {
                (
                    ": names may change their addresses, so rules have none",
                    "Give the addresses, as 10.1.2.3:443",
                )
            } else {
                ("", "Write it as 10.0.0.0/8, 10.1.2.3:443, [fd00::/8]:443 or :8000-8010")
            };
            return Err(Failure::other(format!("{text} is no rule for connections{why}"), cure));
        };
        list.extend(rules);
    }
    Ok(list)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::{Command, Verb};
    use clap::Parser;

    fn network(words: &str) -> Result<Network, String> {
        let words = ["chiton", "run"].into_iter().chain(words.split_whitespace());
        let parsed = Command::try_parse_from(words.chain(["--", "true"])).map_err(|error| error.to_string())?;
        let Verb::Run(run) = parsed.verb else {
            return Err("another verb".into());
        };
        run.network
            .network(run.machine.machine, false, None)
            .map_err(|failure| failure.to_string())
    }

    fn tokens(network: &Network) -> String {
        let mut line = KernelLine::default();
        network.tell(&mut line);
        line.tokens().join(" ")
    }

    #[test]
    fn no_card_unless_somebody_asks() {
        for words in ["", "--network none"] {
            let network = network(words).unwrap();
            assert!(network.cards.is_empty() && tokens(&network).is_empty(), "{words}");
        }
        for words in [
            "-p 0:80",
            "--network user",
            "--ip 10.0.2.20",
            "--nameserver 10.0.2.3",
            "--deny :25",
        ] {
            assert_eq!(network(words).unwrap().cards.len(), 1, "{words}");
        }
    }

    #[test]
    fn what_the_kernel_is_told() {
        let made = network("--network user --network socket:listen=127.0.0.1:1,ip=10.9.0.1 --ip 10.0.2.20 --nameserver 9.9.9.9 --allow 10.0.0.0/8 --deny 10.1.2.3:25-26").unwrap();
        assert_eq!(
            tokens(&made),
            "chiton.net=ip=10.0.2.20/24;gw=10.0.2.2 chiton.net=ip=10.9.0.1/24 chiton.nameserver=9.9.9.9 \
             chiton.net-allow=10.0.0.0/8 chiton.net-deny=10.1.2.3/32:25-26"
        );
        assert_eq!(made.cards[0].mac.to_string(), "52:54:00:12:34:56");
        assert_ne!(made.cards[0].mac, made.cards[1].mac);
        let made = network("-p 127.0.0.1::80 --mac 52:54:00:00:00:09").unwrap();
        assert_eq!(tokens(&made), "chiton.net=dhcp");
        assert!(made.cards[0].mac.to_string().ends_with(":09"));
        assert!(
            made.chosen[0].ends_with("leads to port 80/tcp of the machine") && made.notes.is_empty(),
            "{:?}",
            made.chosen
        );
    }

    #[test]
    fn contradictions_are_named() {
        for (words, part) in [
            ("--network none -p 1:1", "takes back"),
            ("--network none --network user", "takes back"),
            (
                "--network socket:listen=127.0.0.1:1 -p 0:80",
                "needs a card with --network user",
            ),
            ("--machine q35 --network user", "on PCI"),
            ("--network wifi", "no such network"),
            ("--mtu 9000", "takes packets of 1500 bytes"),
            ("--network tap --mtu 90000", "from 1280 to 65521"),
            ("--allow example.org", "rules have none"),
            ("--deny example.org:443", "rules have none"),
            ("--deny 10.0.0.0/33", "10.0.0.0/8"),
            ("--deny [::ffff:10.0.0.1]:80", "no rule"),
            ("--ip 10.0.2.255", "everybody in its network"),
            ("--ip 10.0.2.9 --gateway 10.0.2.1 --gateway 10.0.2.3", "one gateway"),
            ("--gateway 10.0.2.2", "without an address"),
            ("-p [::1]:0:80", "IPv4 addresses only"),
            ("-p 0:80/tcp -p 80:90000", "90000 is not the number of a port"),
            ("--network tap -p 0:80", "has an address of its own"),
            ("-P", "nothing to go by"),
            ("--publish-all --network user", "nothing to go by"),
            (&"--network user ".repeat(7), "7 network cards"),
        ] {
            let failure = network(words).unwrap_err();
            assert!(failure.contains(part), "{words}: {failure}");
        }
    }
}
